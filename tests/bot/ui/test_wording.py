"""Wording: honest about time, safe with free text, never longer than Discord takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.core.config import Settings
from bot.core.model_catalogue import ModelCatalogue
from bot.core.translations import TRANSLATED, in_language
from bot.jobs.estimator import Status
from bot.storage.models import Job, Origin, State
from bot.ui import embeds, wording
from generator.contract.bounds import MAX_PROMPT_CHARACTERS
from generator.contract.messages import ChosenStage, Progress
from generator.contract.stages import STAGES, UPSCALE
from generator.contract.text import Text
from tests.bot.jobs.samples import ORIGIN, job

NASTY = "**@everyone** <@1> `x` [l](http://x) ||s|| \u202e\n# h " * 50


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "a few seconds left"),
        (11, "about 10 seconds left"),
        (23, "about 25 seconds left"),
        (44, "about 40 seconds left"),
        (58, "about a minute left"),
        (61, "about a minute left"),
        (88, "about 90 seconds left"),
        (110, "about 2 minutes left"),
        (160, "about 3 minutes left"),
    ],
)
def test_time_left(seconds: float, words: str) -> None:
    assert wording.time_left(seconds) == words


def test_the_time_left_is_told_as_truly_as_it_is_known() -> None:
    for tenths in range(100, 20_000):
        words = wording.time_left(tenths / 10).replace("a minute", "1 minute")
        number, unit = re.findall(r"(\d+) (second|minute)", words)[0]
        told = int(number) * (60 if unit == "minute" else 1)
        assert abs(told - tenths / 10) / (tenths / 10) <= 0.25, (tenths, words)


@pytest.mark.parametrize(
    ("step", "steps", "full", "percent"),
    [
        (0, 30, 0, "0 %"),
        (15, 30, 10, "50 %"),
        (30, 30, 20, "100 %"),
        (99, 30, 20, "100 %"),
        (1, 0, 0, "0 %"),
    ],
)
def test_the_bar(step: int, steps: int, full: int, percent: str) -> None:
    drawn = wording.progress_bar(step, steps)
    assert (drawn.count("▰"), drawn.count("▱")) == (full, 20 - full)
    assert drawn.endswith(f" {percent}")


def test_a_prompt_pings_and_formats_nothing() -> None:
    shown = wording.excerpt("**bold** @everyone `code`\nsecond line")
    assert "**" not in shown
    assert "@everyone" not in shown
    assert "\n" not in shown


def test_a_prompt_turns_nothing_around() -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    assert wording.excerpt(f"a\u202eb\u200b\u2066c\x07 {family}\ud800") == f"abc {family}"


def test_who_waits_learns_the_place() -> None:
    assert wording.status(Status(job=job(), ahead=0)) == "⏳ Next in line."
    waiting = wording.status(Status(job=job(), ahead=2, seconds_left=100.0))
    assert waiting == "⏳ 2 GIFs are ahead of yours, about 2 minutes left."
    retried = wording.status(Status(job=job(crashes=1), ahead=1))
    assert "trying once more" in retried
    paused = wording.status(
        Status(job=job(), ahead=1, unavailable_reason=Text("The generator is down."))
    )
    assert "The generator is down. Your GIF keeps its place" in paused


@pytest.mark.parametrize(
    ("stage", "words"),
    [("encode_prompt", "reading the prompt"), ("denoise", "step 3 of 4"), ("save", "saving")],
)
def test_who_is_served_learns_the_step(stage: str, words: str) -> None:
    progress = Progress("x", 1, stage, 3, 4)
    running = Status(job=job(state=State.RUNNING), progress=progress, seconds_left=3.0)
    assert words in wording.status(running)


def test_every_stage_has_a_name_for_people_in_their_language() -> None:
    for name, spec in STAGES.items():
        progress = Progress("x", 1, name, 3, 4)
        english = wording.stage_label(progress)
        assert english == spec.label.template.format(step=3, steps=4)
        for locale in TRANSLATED:
            with in_language(locale):
                assert wording.stage_label(progress) != english
    assert wording.stage_label(Progress("x", 1, "of a newer worker", 1, 1)) == "of a newer worker"


@pytest.mark.parametrize(
    ("stage", "denoised", "shown"),
    [
        ("encode_prompt", 0.0, "▱▱ 0 %\nreading the prompt · a few seconds left"),
        ("denoise", 0.75, "▰▰▱▱▱▱▱ 75 %\nstep 3 of 4 · a few seconds left"),
        ("decode", 0.75, "▰▰▱▱▱▱▱ 75 %\npainting the frames · a few seconds left"),
        ("decode", 1.0, "▰▰ 100 %\npainting the frames"),
        ("save", 1.0, "▰▰ 100 %\nsaving"),
    ],
)
def test_the_bar_is_the_steps_and_the_line_the_stage(
    stage: str, denoised: float, shown: str
) -> None:
    running = Status(
        job=job(state=State.RUNNING),
        progress=Progress("x", 1, stage, 3, 4),
        denoised=denoised,
        seconds_left=3.0,
    )
    assert wording.status(running).endswith(shown)


def test_what_was_chosen_stands_among_the_settings_with_the_size_that_comes_of_it() -> None:
    chosen = (ChosenStage(UPSCALE, 0.4), ChosenStage("of a newer version"))
    line = wording.settings_line(replace(job().request, width=64, height=32, stages=chosen))
    assert line.startswith("128 x 64 · ")
    assert line.endswith("guidance 5 · upscaled at 0.4")


def _long(**values: object) -> Job:
    return job(prompt=NASTY[:MAX_PROMPT_CHARACTERS], negative_prompt=NASTY, **values)


@pytest.mark.parametrize(
    "embed",
    [
        embeds.ended_job(_long(state=State.FAILED, error=NASTY * 3)),
        embeds.ended_job(_long(state=State.CANCELLED)),
        embeds.progress(_long().request, "words"),
        embeds.history([_long(error=NASTY, message_id=2**63)] * 5, page=0, pages=9, total=99),
        embeds.history([], page=0, pages=1, total=0),
        embeds.queue([Status(job=_long())] * 15, total=400, user_id=7, guild_id=4),
        embeds.help_(ModelCatalogue.of(Settings())),
    ],
)
def test_no_embed_is_too_long(embed: object) -> None:
    values = embed.to_dict()  # type: ignore[attr-defined]
    assert len(values.get("description", "")) <= 4096
    assert all(len(field["value"]) <= 1024 for field in values.get("fields", ()))
    assert len(str(values)) <= 6000


def test_the_alt_text_fits() -> None:
    assert len(wording.alt_text(_long().request)) <= wording.ALT_TEXT_LIMIT


@pytest.mark.parametrize(
    ("values", "suffix", "words"),
    [
        ({}, ".gif", "An animated GIF"),
        ({}, ".webp", "An animated GIF"),
        ({}, ".mp4", "A video"),
        ({"video_length": 1}, ".gif", "A picture"),
    ],
)
def test_the_alt_text_says_what_it_is(values: dict[str, int], suffix: str, words: str) -> None:
    assert wording.alt_text(job(prompt="a cat", **values).request, suffix) == (
        f"{words} made from the prompt: a cat"
    )


def test_completions_tell_gifs_of_one_prompt_from_another() -> None:
    origin = replace(ORIGIN, parent_id="f" * 32, relation="upscale")
    first, second = (
        job(id="a" * 32, prompt="x" * 300),
        job(id="b" * 32, origin=origin, prompt="cat"),
    )
    assert len(wording.choice_label(first)) == 100
    assert wording.choice_label(first).endswith("… · aaaaaa")
    assert wording.choice_label(second).endswith(": cat · at twice the size · bbbbbb")


@pytest.mark.parametrize(
    ("origin", "guild_id", "named"),
    [
        (ORIGIN, 4, True),
        (ORIGIN, 5, False),
        (ORIGIN, None, False),
        (replace(ORIGIN, private=True), 4, False),
        (replace(ORIGIN, guild_id=None), None, False),
    ],
)
def test_the_queue_names_nobody_of_other_places(
    origin: Origin, guild_id: int | None, named: bool
) -> None:
    status = Status(job=job(origin=origin))
    shown = embeds.queue([status], total=1, user_id=99, guild_id=guild_id).description or ""
    assert ("<@7>" in shown) is named
    assert ("somebody" in shown) is not named


def test_a_second_pass_says_what_it_was_made_from() -> None:
    made = job(origin=replace(ORIGIN, parent_id="c" * 32, relation="upscale"))
    assert wording.made_with(made) == "Upscaled from `cccccccccccc`"
    assert wording.lineage(made, job(id="c" * 32), 0) == "Upscaled from `cccccccccccc`"


def test_small_files_have_a_size() -> None:
    assert wording.file_size_label(12) == "1 KB"
    assert wording.file_size_label(40_000) == "39 KB"
    assert wording.file_size_label(3 * 2**20) == "3.0 MB"
