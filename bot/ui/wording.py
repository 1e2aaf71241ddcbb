"""The wording of what people read in Discord. Pure: values in, strings out, in their language.

Prompts are somebody's free text: they are escaped and shortened before they stand in a message.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import PurePath

from bot.core.markdown import escape_markdown
from bot.core.model_settings import label_of
from bot.core.translations import translate, translate_plural
from bot.jobs.estimator import Status
from bot.storage.models import RESUMED, Job, State
from generator.contract.control_types import split_control
from generator.contract.messages import Progress, Request
from generator.contract.remote import TRAVEL_LABELS
from generator.contract.stages import CHOICES, DENOISE, STAGES, output_size
from generator.contract.text import Text

BAR_WIDTH = 20
ALT_TEXT_LIMIT = 1024  # Discord's, for a file's description
_PROMPT_SHOWN = 300
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"

_STATES = {
    State.QUEUED: Text("⏳ waiting"),
    State.RUNNING: Text("🎨 being made"),
    State.DELIVERING: Text("📤 on its way"),
    State.DONE: Text("✅ done"),
    State.FAILED: Text("❌ failed"),
    State.CANCELLED: Text("🚫 cancelled"),
    State.INTERRUPTED: Text("⏸️ interrupted"),
}
_SMALL_BYTES = 100 * 2**10  # bytes that would read as 0.1 MB, or as none
_RELATIONS = {
    "again": Text("made again"),
    "vary": Text("varied"),
    "longer": Text("made longer"),
    "stretch": Text("stretched"),
    "loop": Text("as a closed loop"),
    "edit": Text("edited"),
    "motion": Text("same motion"),
    "continue": Text("continued"),
    "remix": Text("remixed"),
    "upscale": Text("at twice the size"),
    "model": Text("by another model"),
    RESUMED: Text("made again after an interruption"),
}


def shorten(text: str, limit: int) -> str:
    """Return ``text`` on one line of at most ``limit`` characters, none of which reverse others."""
    line = " ".join("".join(filter(_is_visible, text)).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _is_visible(letter: str) -> bool:
    """Return whether a letter is seen: no control, mark of direction or zero width.

    Joiners are part of emoji and scripts.
    """
    return letter.isspace() or letter in _JOINERS or unicodedata.category(letter)[0] != "C"


def excerpt(text: str, limit: int = _PROMPT_SHOWN) -> str:
    """Return a stranger's text for a message: without markdown and pings, and not too long."""
    return escape_markdown(shorten(text, limit))


def progress_bar(step: float, steps: float) -> str:
    """Return a bar such as ``▰▰▰▱▱▱ 50 %``."""
    share = min(max(step / steps, 0.0), 1.0) if steps > 0 else 0.0
    full = round(share * BAR_WIDTH)
    return f"{'▰' * full}{'▱' * (BAR_WIDTH - full)} {share:.0%}".replace("%", " %")


def time_left(seconds: float) -> str:
    """Return the time left, rounded as far as it is known: by less than a fifth of it."""
    if seconds < 10:
        return translate("a few seconds left")
    step = 5 if seconds < 30 else 10
    rounded = round(seconds / step) * step
    if seconds < 96 and rounded != 60:
        return translate("about {seconds} seconds left", seconds=rounded)
    minutes = max(2, round(seconds / 60)) if rounded != 60 else 1
    return translate_plural("about a minute left", "about {count} minutes left", minutes)


def queue_position(number: int) -> str:
    """Return how many jobs come first."""
    if number == 0:
        return translate("Next in line")
    return translate_plural("1 GIF is ahead of yours", "{count} GIFs are ahead of yours", number)


def status(now: Status) -> str:
    """Return what the progress message says of a job."""
    if now.job.state is State.DELIVERING:
        return translate("📤 Finished and on its way.")
    if now.job.state is not State.QUEUED:
        is_looked_for = now.job.state is State.INTERRUPTED
        return state_label(now.job) if is_looked_for else _running(now)
    if now.unavailable_reason:
        trouble = excerpt(translate(now.unavailable_reason), 600)
        return translate(
            "⏸️ {trouble} Your GIF keeps its place in the queue and will be made as soon as "
            "that works again.",
            trouble=trouble,
        )
    place = queue_position(now.ahead or 0)
    if now.job.crashes:
        place = translate(
            "The generator had to be restarted; trying once more. {place}", place=place
        )
    if now.is_loading:
        return _loading(now, place)
    if now.seconds_left:
        return translate("⏳ {place}, {left}.", place=place, left=time_left(now.seconds_left))
    return translate("⏳ {place}.", place=place)


def _loading(now: Status, place: str) -> str:
    if now.loading_seconds_left is None:
        return translate(
            "⏳ The model is being loaded; the first time can take a few minutes. {place}.",
            place=place,
        )
    left = time_left(now.loading_seconds_left)
    return translate("⏳ The model is being loaded, {left}. {place}.", left=left, place=place)


def _running(now: Status) -> str:
    progress = now.progress
    left = "" if now.seconds_left is None else f" · {time_left(now.seconds_left)}"
    if progress is None:
        return f"🎨 {progress_bar(0, 1)}\n{translate('starting')}{left}"
    if now.denoised >= 1 and progress.stage != DENOISE:  # what follows the steps is soon done
        left = ""
    return f"🎨 {progress_bar(now.denoised, 1)}\n{stage_label(progress)}{left}"


def stage_label(progress: Progress) -> str:
    """Return what is being done; a stage that only a newer worker knows is said by its name."""
    spec = STAGES.get(progress.stage)
    label = TRAVEL_LABELS.get(progress.stage) if spec is None else spec.label
    if label is None:
        return progress.stage
    return translate(label.with_values(step=progress.step, steps=progress.steps))


def settings_line(request: Request) -> str:
    """Return the settings of a request, without the prompt and the seed."""
    width, height = output_size(request)
    words = [
        f"{width} x {height}",
        translate_plural("1 frame", "{count} frames", request.video_length),
        translate("{seconds:g} s", seconds=request.video_duration / 1000),
        translate_plural("1 step", "{count} steps", request.steps),
        translate("guidance {guidance:g}", guidance=request.guidance_scale),
    ]
    if kept := request.kept_frames:
        words.append(translate_plural("after 1 frame", "after {count} frames", kept))
    elif request.image:
        words.append(translate("from a picture at {strength:g}", strength=request.image_strength))
    words += [
        translate(CHOICES[chosen.name].label.with_values(strength=chosen.strength))
        for chosen in request.stages
        if chosen.name in CHOICES
    ]
    return " · ".join(words)


def made_with(job: Job) -> str:
    """Return what else made a GIF: LoRAs, a style, controls, and the GIF that it came from."""
    request, origin = job.request, job.origin
    words = [
        translate("{name} at {strength:g}", name=excerpt(name, 60), strength=lora.strength)
        for name, lora in zip(job.lora_names, request.loras, strict=False)
    ]
    if origin.style:
        words.append(translate("style {name}", name=excerpt(origin.style, 60)))
    words += [_followed(*split_control(control)) for control in request.controls]
    if origin.parent_id and origin.relation in _RELATIONS:
        words.append(_origin_line(origin.parent_id, origin.relation))
    return " · ".join(words)


def _followed(kind: str, scale: float | str) -> str:
    if isinstance(scale, str):
        return translate("follows {kind} ({keys})", kind=_kind(kind), keys=strength(scale))
    return translate("follows {kind} at {strength:g}", kind=_kind(kind), strength=scale)


def strength(scale: float | str) -> str:
    """Return a ControlNet's strength, or those by frame, on one line."""
    return excerpt(scale, 100) if isinstance(scale, str) else f"{scale:g}"


def _origin_line(parent_id: str, relation: str) -> str:
    parent = parent_id[:12]
    if relation == "upscale":
        return translate("Upscaled from `{parent}`", parent=parent)
    came = _RELATIONS.get(relation)
    return translate(
        "From `{parent}` ({how})", parent=parent, how=translate(came) if came else relation
    )


def _kind(kind: str) -> str:
    """Return a control type, or the name of a ControlNet, as a message shows it."""
    return excerpt(PurePath(kind).name, 60)


def made_by(job: Job) -> str:
    """Return which model made a GIF, and how long that took."""
    model = label_of(job.model)
    took = "" if job.seconds is None else f" · {translate('{seconds:.1f} s', seconds=job.seconds)}"
    return f"{model}{took}"


def made_line(job: Job) -> str:
    """Return what made a GIF on one line: its settings, its seed, what else went in, the model."""
    seed = translate("seed `{seed}`", seed=job.request.seed)
    words = (settings_line(job.request), seed, made_with(job), made_by(job))
    return " · ".join(filter(None, words))


def alt_text(request: Request, suffix: str = ".gif") -> str:
    """Return the description of a file for those who hear it; ``suffix`` is the file's own."""
    if request.video_length == 1:
        alt = translate("A picture made from the prompt: {prompt}", prompt=request.prompt)
    elif suffix == ".mp4":
        alt = translate("A video made from the prompt: {prompt}", prompt=request.prompt)
    else:
        alt = translate("An animated GIF made from the prompt: {prompt}", prompt=request.prompt)
    return shorten(alt, ALT_TEXT_LIMIT)


def preview_alt_text(request: Request) -> str:
    """Return the description of a preview for those who hear it."""
    alt = translate(
        "A preview of the GIF being made from the prompt: {prompt}", prompt=request.prompt
    )
    return shorten(alt, ALT_TEXT_LIMIT)


def state_label(job: Job) -> str:
    """Return a job's state, for lists."""
    return translate(_STATES[job.state])


def failure_reason(job: Job) -> str:
    """Return why there is no GIF."""
    return translate(job.why)


def history_line(job: Job) -> str:
    """Return one job's lines in /history."""
    when = f"<t:{int(job.created_at.timestamp())}:R>"
    seed = translate("seed `{seed}`", seed=job.request.seed)
    seed += f" · {excerpt(job.request.model, 40)}" if job.request.model else ""
    words = [f"**{excerpt(job.request.prompt, 100)}**", f"{state_label(job)} {when} · {seed}"]
    if job.link:
        words[1] += f" · [{translate('show')}]({job.link})"
    if job.error:
        words.append(f"-# {excerpt(failure_reason(job), 200)}")
    return "\n".join(words)


def lineage(job: Job, parent: Job | None, descendants: int) -> str:
    """Return what a job came from, and how many came from it."""
    words = []
    if parent is not None:
        words.append(_origin_line(parent.id, job.origin.relation))
    elif job.origin.parent_id and job.origin.relation != "try":
        words.append(translate("From a GIF that was deleted"))
    if descendants:
        words.append(
            translate_plural(
                "1 GIF was made from it", "{count} GIFs were made from it", descendants
            )
        )
    return " · ".join(words)


def queue_line(place: int, now: Status, *, is_own: bool, is_from_here: bool) -> str:
    """Return one job's line in /queue.

    Other people's prompts, and who asks elsewhere, are their own business.
    """
    if is_own:
        what = excerpt(now.job.request.prompt, 60)
    else:
        what = f"<@{now.job.user_id}>" if is_from_here else translate("somebody")
    line = f"{place}. {what} · {state_label(now.job)}"
    waits = translate("waits for a worker that can make it")
    return f"{line} · {waits}" if now.is_unmatched else line


def choice_label(job: Job) -> str:
    """Return a job's label in an autocomplete, different from others of its prompt.

    No markdown is shown there.
    """
    came = _RELATIONS.get(job.origin.relation) if job.origin.parent_id else None
    told_by = " · ".join([*([translate(came)] if came else []), job.id[:6]])
    head = f"{state_label(job)}: "
    room = 100 - len(head) - len(told_by) - 3
    return f"{head}{shorten(job.request.prompt, room)} · {told_by}"


def page_footer(number: int, pages: int, total: int) -> str:
    """Return the line under one page of many."""
    return translate(
        "Page {page} of {pages} · {total} in all", page=number, pages=pages, total=total
    )


def file_size(size: float) -> Text:
    """Return a size as ``12.3 MB``, in Discord's mebibytes, or as ``12 KB`` where it is small."""
    if size < _SMALL_BYTES:
        return Text("{size:.0f} KB", size=max(1.0, size / 2**10))
    return Text("{size:.1f} MB", size=size / 2**20)


def file_size_label(size: float) -> str:
    """Return a size in the reader's language; see ``file_size``."""
    return translate(file_size(size))


def given_up(job: Job, what: Sequence[Text]) -> str:
    """Return the sentence about what a file lacks that had to be made smaller, if anything."""
    if not what:
        return ""
    listed = translate("Made smaller to fit: {listed}.", listed=", ".join(map(translate, what)))
    if job.size_bytes is None:
        return listed
    return f"{listed} {translate('The original is {size}.', size=file_size(job.size_bytes))}"


def ended_elsewhere(job: Job) -> str:
    """Return what stays of a progress message whose job ended in another message."""
    is_made = job.state is State.DELIVERING
    return (
        translate("✅ Done; see the reply.") if is_made else translate("☑️ Finished; see the reply.")
    )


def alert(words: str) -> str:
    """Return a message to whoever runs the bot, in English like its log."""
    return f"⚠️ {shorten(words, 1500)}"
