"""/gif with a source: fetched, checked, looked at, followed; and results as they were asked for."""

from __future__ import annotations

import json

import pytest

from bot.sandbox import Interaction, Person, Sandbox, Upload
from bot.sandbox.model import Message
from generator.media.containers import sniff
from tests.bot import files
from tests.bot.end_to_end.panels import asked
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of

pytestmark = pytest.mark.slow


async def posted(interaction: Interaction) -> Message:
    return await interaction.message(lambda message: message.results)


async def said(interaction: Interaction) -> str:
    message = await interaction.message(lambda message: not message.loading)
    assert message.ephemeral, message.text
    return message.text


async def test_a_source_is_followed_at_once_where_it_is_said_how(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        source = Upload("../../x/dance.gif", files.gif())
        sent = await asked(
            ada, prompt="a cat", control_gif=source, control_type="canny", control_strength=0.7
        )
        message = await posted(sent)
    request = files.request_in(message.results[0].data)
    assert request["controls"] == [
        {"kind": "canny", "scale": 0.7, "start": 0.0, "end": 1.0, "annotator": "auto"}
    ]
    assert request["control_source"].startswith(str(setup.data))
    [row] = setup.rows()
    assert str(setup.data) not in row["request"]


async def test_loosely_followed_is_depth_for_less(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    """At once, from the sheet, and from a result's form, which forgets what was unwanted before."""
    setup.engine = "tests.bot.engines.draws:create"
    loose = [{"kind": "depth", "scale": 0.7, "start": 0.0, "end": 0.7, "annotator": "auto"}]
    async with running(setup.write(), discord):
        source = Upload("dance.gif", files.gif(frames=12))
        asked = {"prompt": "a ball", "negative_prompt": "squares"}
        sent = await ada.slash("gif", control_gif=source, control_type="loose", **asked)
        message = await posted(sent)
        assert files.request_in(message.results[0].data)["controls"] == loose
        assert "follows loose at 1" in message.text
        assert "control_type:loose" in await said(
            await ada.press(await sheet_of(ada, message), "Recipe")
        )

        sheet = await ada.slash("gif", prompt="a ball", control_gif=source)
        shown = await sheet.message(lambda message: message.files)
        await ada.choose(shown, "pick:sheet_type", "loose")
        await sheet.message(lambda message: "What depth sees can't be shown yet" in message.text)
        made = await posted(await ada.press(shown, "Go"))
        assert files.request_in(made.results[0].data)["controls"] == loose

        form = await ada.press(message, "Motion of this")
        await form.acknowledged()
        moved = await posted(await ada.submit(form, prompt="a fish", type="loose", strength="0.6"))
        request = files.request_in(moved.results[0].data)
    assert request["negative_prompt"] is None
    assert request["controls"][0]["scale"] == 0.42


async def test_a_source_is_shown_first_and_go_works_after_a_restart(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        sent = await ada.slash(
            "gif", prompt="a cat", control_gif=Upload("a.gif", files.gif(frames=12))
        )
        sheet = await sent.message(lambda message: message.files)
        assert sheet.ephemeral
        assert setup.rows() == []
    async with running(setup.write(), discord):
        await ada.choose(sheet, "pick:sheet_part", "The first half")
        await sent.message(lambda message: len(message.versions) > 2)
        await ada.choose(sheet, "pick:sheet_strength", "strength 0.5")
        await sent.message(lambda message: len(message.versions) > 3)
        pressed = await ada.press(sheet, "Go")
        message = await posted(pressed)
        await discord.until(lambda: not sheet.components or None)
    request = files.request_in(message.results[0].data)
    assert request["controls"][0]["kind"] == "canny"
    assert request["controls"][0]["scale"] == 0.5
    assert request["control_source"].endswith(".png")  # a part of it


async def test_go_that_was_refused_can_be_pressed_again(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    setup.engine = "slow:create"
    async with running(setup.write(queue={"per_user": 1}), discord):
        sent = await ada.slash("gif", prompt="a cat", control_gif=Upload("a.gif", files.gif()))
        sheet = await sent.message(lambda message: message.files)
        other = await ada.slash("gif", prompt="x", steps=150)
        await other.message(lambda message: message.buttons)
        assert "that is the limit here" in await said(await ada.press(sheet, "Go"))
        await ada.press(other.messages[0], "Cancel")
        await setup.all_over()
        await posted(await ada.press(sheet, "Go"))


async def test_bad_sources_cost_a_sentence(setup: Setup, discord: Sandbox, ada: Person) -> None:
    bad = {
        "text.gif": (b"GIF of nothing", "isn't a picture or video"),
        "cut.gif": (files.gif()[:40], "damaged or cut off"),
        "still.png": (files.still(), "doesn't move"),
        "photo.jpg": (files.still("JPEG"), "doesn't move"),
        "bomb.gif": (files.bomb(), "pixels"),
    }
    async with running(setup.write(), discord) as bot:
        for name, (data, words) in bad.items():
            sent = await ada.slash(
                "gif", prompt="x", control_gif=Upload(name, data), control_type="canny"
            )
            answer = await said(sent)
            assert any(word in answer for word in words.split("|")), (name, answer)
            assert answer.endswith("."), answer
        assert "Traceback" not in bot.log
    assert setup.rows() == []
    assert not [path for path in (setup.data / "blobs").rglob("*") if path.is_file()]
    assert list((setup.data / "scratch").iterdir()) == []


async def test_variations_formats_and_privacy(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    style = {"prompt": "{prompt}, film grain", "negative_prompt": "colour", "steps": 4}
    async with running(setup.write(**{"styles.noir": style}), discord):
        sent = await asked(ada, prompt="a cat", count=3, format="webp", private=True, style="noir")
        message = await sent.message(lambda message: len(message.results) == 3)
        assert message.ephemeral
        assert not bob.sees(message)
        for file in message.results:
            assert sniff(file.data) == "webp"
            assert b"film grain" not in file.data  # what is private tells no recipe
    requests = [json.loads(row["request"]) for row in setup.rows()]
    assert len({request["seed"] for request in requests}) == 3
    assert {request["prompt"] for request in requests} == {"a cat, film grain"}
    assert {request["negative_prompt"] for request in requests} == {"colour"}
    assert {request["steps"] for request in requests} == {4}
