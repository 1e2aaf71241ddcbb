"""The wording of what people read in Discord. Pure: values in, strings out.

Prompts are somebody's free text: they are escaped and shortened before they stand in a message.
"""

from __future__ import annotations

import math

from discord.utils import escape_markdown, escape_mentions

from bot.jobs.model import Job, State
from bot.jobs.outlook import Status
from generator.protocol import Request

BAR_WIDTH = 20
ALT_TEXT_LIMIT = 1024  # Discord's, for a file's description
_PROMPT_SHOWN = 300

_DENOISE = "denoise"  # the stage that takes the time; the bar is its bar
_BEFORE = {"encode_prompt": "reading the prompt", "draw_noise": "drawing the noise"}
_AFTER = {"decode": "painting the frames", "to_frames": "painting the frames", "save": "saving"}
_STATES = {
    State.QUEUED: "⏳ waiting",
    State.RUNNING: "🎨 being made",
    State.DELIVERING: "📤 on its way",
    State.DONE: "✅ done",
    State.FAILED: "❌ failed",
    State.CANCELLED: "🚫 cancelled",
}


def shorten(text: str, limit: int) -> str:
    """``text`` on one line in at most ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def prompt(text: str, limit: int = _PROMPT_SHOWN) -> str:
    """A prompt as it may stand in a message: no markdown, no pings, not too long."""
    return escape_mentions(escape_markdown(shorten(text, limit)))


def bar(step: int, steps: int) -> str:
    """``▰▰▰▱▱▱ 50 %``."""
    share = min(max(step / steps, 0.0), 1.0) if steps > 0 else 0.0
    full = round(share * BAR_WIDTH)
    return f"{'▰' * full}{'▱' * (BAR_WIDTH - full)} {share:.0%}".replace("%", " %")


def time_left(seconds: float) -> str:
    """Rounded as honestly as it is known."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 55:
        return f"about {math.ceil(seconds / 10) * 10} seconds left"
    minutes = math.ceil(seconds / 60)
    return "about a minute left" if minutes == 1 else f"about {minutes} minutes left"


def ahead(count: int) -> str:
    """How many come first."""
    if count == 0:
        return "Next in line"
    return "1 GIF is ahead of yours" if count == 1 else f"{count} GIFs are ahead of yours"


def status(now: Status) -> str:
    """What the progress message says of a job."""
    if now.job.state is State.DELIVERING:
        return "📤 Finished, on its way."
    if now.job.state is not State.QUEUED:
        return _running(now)
    if now.trouble:
        return f"⏸️ {prompt(now.trouble, 600)} Yours is kept, and made as soon as that works again."
    words = [ahead(now.ahead or 0)]
    if now.job.crashes:
        words[0] = f"The generator had to be restarted; trying once more. {words[0]}"
    words += [time_left(now.seconds_left)] if now.seconds_left else []
    return f"⏳ {', '.join(words)}."


def _running(now: Status) -> str:
    progress = now.progress
    left = "" if now.seconds_left is None else f" · {time_left(now.seconds_left)}"
    if progress is None:
        return f"🎨 {bar(0, 1)}\nstarting{left}"
    if progress.stage != _DENOISE:
        is_after = progress.stage in _AFTER
        words = _BEFORE.get(progress.stage) or _AFTER.get(progress.stage, progress.stage)
        return f"🎨 {bar(is_after, 1)}\n{words}{'' if is_after else left}"
    step = f"step {progress.step} of {progress.steps}"
    return f"🎨 {bar(progress.step, progress.steps)}\n{step}{left}"


def settings(request: Request) -> str:
    """The settings that made it, without the prompt and the seed."""
    words = [
        f"{request.width} x {request.height}",
        f"{request.video_length} frames",
        f"{request.video_duration / 1000:g} s",
        f"{request.steps} steps",
        f"guidance {request.guidance_scale:g}",
    ]
    return " · ".join(words)


def made(job: Job) -> str:
    """What it was made by, and how long that took."""
    model = job.model.rstrip("/").rpartition("/")[2]
    took = f" · {job.seconds:.1f} s" if job.seconds is not None else ""
    return f"{model}{took}"


def alt_text(request: Request) -> str:
    """For those who hear the GIF described."""
    return shorten(f"An animated GIF made from the prompt: {request.prompt}", ALT_TEXT_LIMIT)


def preview_alt(request: Request) -> str:
    """The same, of what isn't finished."""
    return shorten(f"A preview of the GIF to come: {request.prompt}", ALT_TEXT_LIMIT)


def state(job: Job) -> str:
    """One job's state, for lists."""
    return _STATES[job.state]


def history_line(job: Job) -> str:
    """One job in /history."""
    when = f"<t:{int(job.created_at.timestamp())}:R>"
    words = [
        f"**{prompt(job.request.prompt, 100)}**",
        f"{state(job)} {when} · seed `{job.request.seed}`",
    ]
    if job.link:
        words[1] += f" · [show]({job.link})"
    if job.error:
        words.append(f"-# {prompt(job.error, 200)}")
    return "\n".join(words)


def lineage(job: Job, parent: Job | None, descendants: int) -> str:
    """What a job came from, and how many came from it."""
    words = []
    if parent is not None:
        words.append(f"From `{parent.id[:12]}` ({job.origin.relation.replace('_', ' ')})")
    elif job.origin.parent_id and job.origin.relation != "try":
        words.append("From a GIF that was deleted")
    if descendants:
        words.append("1 came from it" if descendants == 1 else f"{descendants} came from it")
    return " · ".join(words)


def queue_line(place: int, now: Status, *, mine: bool) -> str:
    """One job in /queue; other people's prompts are their own business."""
    what = prompt(now.job.request.prompt, 60) if mine else f"<@{now.job.user_id}>"
    return f"{place}. {what} · {state(now.job)}"


def choice(job: Job) -> str:
    """One job in an autocomplete; plain text, Discord shows no markdown there."""
    return shorten(f"{job.state}: {job.request.prompt}", 100)


def megabytes(size: int) -> str:
    """``12.3 MB``, in Discord's mebibytes."""
    return f"{size / 2**20:.1f} MB"


def given_up(job: Job, what: str) -> str:
    """What a file lacks that had to be made smaller."""
    size = "" if job.size_bytes is None else f" The original has {megabytes(job.size_bytes)}."
    return f"{what}.{size}"


def moved_on(job: Job) -> str:
    """What stays of a progress message whose job ended in another message."""
    return "✅ Done; see the reply." if job.state is State.DELIVERING else "☑️ Over; see the reply."


def alert(words: str) -> str:
    """To whoever runs the bot."""
    return f"⚠️ {shorten(words, 1500)}"
