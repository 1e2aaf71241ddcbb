"""Embeds: what a message about a job looks like. Pure; the words are ``bot.ui.text``'s."""

from __future__ import annotations

from collections.abc import Sequence

from discord import Colour, Embed

from bot.jobs.model import Job, State
from bot.jobs.outlook import Status
from bot.ui import text
from bot.ui.guide import Page
from bot.words import say
from generator.limits import ModelLimits
from generator.protocol import Request

_WORKING = Colour.blurple()
_DONE = Colour.green()
_FAILED = Colour.red()
_CANCELLED = Colour.light_grey()


def progress(request: Request, words: str) -> Embed:
    """While a job waits or runs; ``words`` are ``text.status``'s."""
    embed = Embed(description=f"{_quote(request)}\n{words}", colour=_WORKING)
    return embed.set_footer(text=text.settings(request))


def result(job: Job, *, given_up: str = "") -> Embed:
    """Beside the GIF: everything needed to make it again, and what the file had to give up."""
    request = job.request
    embed = Embed(description=_quote(request), colour=_DONE)
    embed.add_field(name="Seed", value=f"`{request.seed}`")
    embed.add_field(name="Settings", value=text.settings(request))
    if request.negative_prompt:
        embed.add_field(name="Without", value=text.prompt(request.negative_prompt), inline=False)
    if given_up:
        words = text.given_up(job, given_up)
        embed.add_field(name="Made smaller to fit", value=words, inline=False)
    return embed.set_footer(text=f"Made by {text.made(job)}")


def ended(job: Job) -> Embed:
    """Instead of a GIF: cancelled, or failed and why. Its footer is the job's alone."""
    if job.state is State.CANCELLED:
        words, colour = "🚫 Cancelled.", _CANCELLED
    else:
        words, colour = f"❌ {text.prompt(job.error or '', 1500)}", _FAILED
    embed = Embed(description=f"{_quote(job.request)}\n{words}", colour=colour)
    return embed.set_footer(text=f"Job {job.id[:12]}")


def history(jobs: Sequence[Job], *, page: int, pages: int, total: int) -> Embed:
    """One page of somebody's jobs."""
    if not jobs:
        return Embed(
            title="Your GIFs", description="None yet. Make one with /gif!", colour=_WORKING
        )
    lines = "\n\n".join(text.history_line(job) for job in jobs)
    embed = Embed(title="Your GIFs", description=lines, colour=_WORKING)
    return embed.set_footer(text=f"Page {page + 1} of {pages} · {total} in all")


def whole(job: Job, parent: Job | None, descendants: int) -> Embed:
    """Everything known of one job, and what it came from and led to."""
    embed = Embed(description=_quote(job.request), colour=_DONE)
    embed.add_field(name="State", value=text.state(job))
    embed.add_field(name="Seed", value=f"`{job.request.seed}`")
    embed.add_field(name="Settings", value=text.settings(job.request), inline=False)
    if job.request.negative_prompt:
        embed.add_field(name="Without", value=text.prompt(job.request.negative_prompt))
    if lineage := text.lineage(job, parent, descendants):
        embed.add_field(name="Lineage", value=lineage, inline=False)
    if job.error:
        embed.add_field(name="Why", value=text.prompt(job.error, 500), inline=False)
    if job.link:
        embed.add_field(name="Where", value=f"[the message]({job.link})", inline=False)
    return embed.set_footer(text=f"Job {job.id[:12]} · made by {text.made(job)}")


def queue(shown: Sequence[Status], *, total: int, user_id: int) -> Embed:
    """Who is being served and who waits."""
    if not shown:
        return Embed(
            description="Nothing is waiting or running. Make a GIF with /gif!", colour=_WORKING
        )
    lines = [
        text.queue_line(place, now, mine=now.job.user_id == user_id)
        for place, now in enumerate(shown, start=1)
    ]
    if total > len(shown):
        lines.append(f"… and {total - len(shown)} more")
    return Embed(title="The queue", description="\n".join(lines), colour=_WORKING)


def _quote(request: Request) -> str:
    return f"> {text.prompt(request.prompt)}"


def help_(limits: ModelLimits) -> Embed:
    """What the bot can do, within these limits."""
    sizes = ", ".join(f"{size.name} {size.width} x {size.height}" for size in limits.sizes)
    embed = Embed(
        title="GIFs from words",
        description="Type /gif and describe what you want to see move. You can leave the page: "
        "the GIF comes to this channel when it is done.",
        colour=_WORKING,
    )
    embed.add_field(
        name="/gif", value=f"Up to {limits.max_frames} frames. Sizes: {sizes}.", inline=False
    )
    motion = (
        "Attach a GIF as control_gif, and yours moves like it. Without a control type you are "
        "shown first what is seen of it. In a message's menu: Use as motion, Remix."
    )
    embed.add_field(name="Motion", value=motion, inline=False)
    loras = "Bring looks of your own (.safetensors), share them, choose them as lora in /gif."
    embed.add_field(name="/lora", value=loras, inline=False)
    embed.add_field(
        name="/history, /show", value="Your GIFs, by words and favourites.", inline=False
    )
    embed.add_field(name="/settings", value="What /gif takes for granted.", inline=False)
    embed.add_field(name="/queue", value="What is being made, and what waits.", inline=False)
    embed.add_field(name="/cancel", value="Takes back a GIF that waits or runs.", inline=False)
    again = "The same seed, prompt and settings make the same GIF again."
    return embed.add_field(name="Once more", value=again, inline=False)


def help_page(page: Page, picture: str | None) -> Embed:
    """What one option does; ``picture`` is the file that comes with the message."""
    embed = Embed(title=page.name, description=say(page.words), colour=_WORKING)
    return embed.set_image(url=f"attachment://{picture}") if picture else embed
