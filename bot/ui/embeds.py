"""The embeds of messages about jobs. Pure; their words are ``bot.ui.wording``'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from discord import Colour, Embed

from bot.core.model_catalogue import ModelCatalogue
from bot.core.translations import translate, translate_plural
from bot.jobs.estimator import Status
from bot.storage.models import Job, State
from bot.ui import wording
from bot.ui.guide import Page
from bot.ui.prompt_language import is_foreign
from generator.contract.messages import Request

_WORKING = Colour.blurple()
_DONE = Colour.green()
_FAILED = Colour.red()
_CANCELLED = Colour.light_grey()


def progress(request: Request, words: str) -> Embed:
    """Return the embed of a job that waits or runs; ``words`` are ``wording.status``'s."""
    embed = Embed(description=f"{quote_with_hint(request)}\n{words}", colour=_WORKING)
    return embed.set_footer(text=wording.settings_line(request))


def ended_job(job: Job) -> Embed:
    """Return the embed of a job that was cancelled, or that failed and why.

    Its footer is the job's alone.
    """
    if job.state is State.CANCELLED:
        words, colour = translate("🚫 Cancelled."), _CANCELLED
    else:
        words, colour = f"❌ {wording.excerpt(wording.failure_reason(job), 1500)}", _FAILED
    embed = Embed(description=f"{quote(job.request)}\n{words}", colour=colour)
    return embed.set_footer(text=translate("Job {job}", job=job.id[:12]))


def history(
    jobs: Sequence[Job], *, page: int, pages: int, total: int, is_filtered: bool = False
) -> Embed:
    """Return the embed of a page of jobs; ``is_filtered`` where only some were asked for."""
    if not jobs:
        none = translate("None yet. Make one with /gif!")
        if is_filtered:
            none = translate(
                "None of your GIFs match. Leave out search and only to see all of them."
            )
        return Embed(title=translate("Your GIFs"), description=none, colour=_WORKING)
    lines = "\n\n".join(wording.history_line(job) for job in jobs)
    embed = Embed(title=translate("Your GIFs"), description=lines, colour=_WORKING)
    return embed.set_footer(text=wording.page_footer(page + 1, pages, total))


def job_details(job: Job, parent: Job | None, descendants: int) -> Embed:
    """Return the embed with everything known of one job, its parent and its descendants."""
    embed = Embed(description=quote(job.request), colour=_DONE)
    embed.add_field(name=translate("Status"), value=wording.state_label(job))
    embed.add_field(name=translate("Seed"), value=f"`{job.request.seed}`")
    embed.add_field(
        name=translate("Settings"), value=wording.settings_line(job.request), inline=False
    )
    if job.request.negative_prompt:
        embed.add_field(
            name=translate("Negative prompt"), value=wording.excerpt(job.request.negative_prompt)
        )
    if words := wording.made_with(replace(job, origin=replace(job.origin, parent_id=None))):
        embed.add_field(name=translate("Made with"), value=words, inline=False)
    if lineage := wording.lineage(job, parent, descendants):
        embed.add_field(name=translate("Related GIFs"), value=lineage, inline=False)
    if job.error:
        embed.add_field(
            name=translate("Why"),
            value=wording.excerpt(wording.failure_reason(job), 500),
            inline=False,
        )
    if job.link:
        link = f"[{translate('the message')}]({job.link})"
        embed.add_field(name=translate("Where"), value=link, inline=False)
    footer = translate("Job {job} · made by {made}", job=job.id[:12], made=wording.made_by(job))
    return embed.set_footer(text=footer)


def queue(shown: Sequence[Status], *, total: int, user_id: int, guild_id: int | None) -> Embed:
    """Return the embed of the queue; names only those who ask openly on this server."""
    if not shown:
        none = translate("Nothing is waiting or running. Make a GIF with /gif!")
        return Embed(description=none, colour=_WORKING)
    lines = [
        wording.queue_line(
            place,
            now,
            is_own=now.job.user_id == user_id,
            is_from_here=guild_id is not None
            and now.job.origin.guild_id == guild_id
            and not now.job.origin.private,
        )
        for place, now in enumerate(shown, start=1)
    ]
    if total > len(shown):
        lines.append(translate_plural("… and 1 more", "… and {count} more", total - len(shown)))
    return Embed(title=translate("The queue"), description="\n".join(lines), colour=_WORKING)


def quote(request: Request) -> str:
    """Return the beginning of a prompt as a quotation."""
    return f"> {wording.excerpt(request.prompt)}"


def quote_with_hint(request: Request) -> str:
    """Return what ``quote`` does, and below it what the model may not understand."""
    return f"{quote(request)}{_hint(request)}"


def _hint(request: Request) -> str:
    """Return a line of its own under a prompt that the model may not understand."""
    if not is_foreign(request.prompt):
        return ""
    hint = translate(
        "💡 The model was trained on English, so it may not understand prompts in other languages."
    )
    return f"\n-# {hint}"


def help_(models: ModelCatalogue) -> Embed:
    """Return the embed of what the bot can do, within the limits of its models."""
    limits = models.default_limits
    sizes = ", ".join(
        f"{translate(size.label)} {size.width} x {size.height}" for size in limits.sizes
    )
    embed = Embed(
        title=translate("GIFs from words"),
        description=translate(
            "Type /gif and describe what you want to see move. You don't have to wait here: "
            "the GIF is posted in this channel when it is done. Without a prompt, /gif opens a "
            "panel with everything that can be chosen."
        ),
        colour=_WORKING,
    )
    gif = translate_plural(
        "Up to 1 frame. Sizes: {sizes}.",
        "Up to {count} frames. Sizes: {sizes}.",
        limits.max_clip_frames,
        sizes=sizes,
    )
    if models.has_choice:
        others = translate("Models: {names}.", names=", ".join(map(wording.excerpt, models.labels)))
        gif = f"{gif}\n{others}"
    embed.add_field(name="/gif", value=gif, inline=False)
    motion = translate(
        "Attach a GIF as control_gif, and your GIF moves like it. Leave out control_type to "
        "see first what will be followed. In a message's Apps menu: Use as motion, Remix."
    )
    embed.add_field(name=translate("Motion"), value=motion, inline=False)
    pictures = translate(
        "Attach a picture as image, and your GIF starts from it. In a message's Apps menu: "
        "Animate this. Behind More: Upscale, which makes it again at twice the size."
    )
    embed.add_field(name=translate("Pictures"), value=pictures, inline=False)
    loras = translate(
        "Add your own LoRAs (.safetensors files), share them, and choose one as lora in /gif, "
        "or two in its panel."
    )
    embed.add_field(name="/lora", value=loras, inline=False)
    history = translate("Your GIFs: search them, or see your favourites.")
    embed.add_field(name="/history, /show", value=history, inline=False)
    shared = translate("What was shared here this week, by votes.")
    embed.add_field(name="/gallery", value=shared, inline=False)
    embed.add_field(name="/settings", value=translate("Your defaults for /gif."), inline=False)
    embed.add_field(
        name="/queue", value=translate("What is being made and what is waiting."), inline=False
    )
    embed.add_field(
        name="/cancel",
        value=translate("Cancels a GIF that is waiting or being made."),
        inline=False,
    )
    again = translate(
        "The same seed, prompt and settings make the same GIF again. Posted files carry them, "
        "unless they are private; you can change that with /settings mine."
    )
    return embed.add_field(name=translate("Making a GIF again"), value=again, inline=False)


def help_page(page: Page, picture: str | None) -> Embed:
    """Return the embed of what one option does; ``picture`` is the message's file."""
    embed = Embed(title=page.name, description=translate(page.words), colour=_WORKING)
    return embed.set_image(url=f"attachment://{picture}") if picture else embed
