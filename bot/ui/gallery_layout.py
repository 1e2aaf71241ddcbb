"""A post in a server's gallery: a GIF, whose it is, what made it, and the button to vote for it."""

from __future__ import annotations

from discord import ButtonStyle, Colour
from discord.ui import ActionRow, Container, LayoutView, MediaGallery, TextDisplay, View

from bot.core.translations import translate, translate_plural
from bot.storage.gallery import GalleryPost
from bot.storage.models import Job
from bot.ui import embeds, wording
from bot.ui.actions import ActionButton
from bot.ui.result_layout import ShownFile, owner_of

_PROMPT = 80  # characters of a line in the list


def gallery_layout(job: Job, post_id: str, file: ShownFile, votes: int) -> LayoutView:
    """Return the components of a post, in the language that is being spoken.

    It shows the file by its name, which an edit can say again without sending the file.
    """
    box: Container[LayoutView] = Container(accent_colour=Colour.gold())
    box.add_item(MediaGallery(file.item))
    words = (owner_of(job), embeds.quote(job.request), f"-# {wording.made_line(job)}")
    box.add_item(TextDisplay("\n".join(words)))
    vote = ActionButton("vote", post_id, label=f"👍 {votes}", style=ButtonStyle.primary)
    withdraw = ActionButton("unshare", post_id, label=translate("Withdraw"))
    box.add_item(ActionRow(vote, withdraw))
    layout = LayoutView(timeout=None)
    return layout.add_item(box)


def withdraw_view(post_id: str, *, is_sure: bool) -> View:
    """Return the button that withdraws a post; unless one ``is_sure``, it asks first."""
    view = View(timeout=None)
    if is_sure:
        label, style = translate("Yes, withdraw it"), ButtonStyle.danger
    else:
        label, style = translate("Withdraw"), ButtonStyle.secondary
    action = "unshare_sure" if is_sure else "unshare"
    return view.add_item(ActionButton(action, post_id, label=label, style=style))


def top_line(place: int, job: Job, post: GalleryPost, votes: int) -> str:
    """Return one post's line in the list of those with the most votes."""
    counted = translate_plural("1 vote", "{count} votes", votes)
    prompt = wording.excerpt(job.request.prompt, _PROMPT)
    link = f"[{translate('show')}]({post.link})"
    return f"{place}. **{prompt}** · {owner_of(job)} · {counted} · {link}"
