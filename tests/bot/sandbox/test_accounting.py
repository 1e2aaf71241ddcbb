"""The accounting counts what stands in the sandbox, whatever the bot says of itself."""

from __future__ import annotations

import pytest

from bot.sandbox import Accounting, Interaction, Person, Sandbox, Verdict
from bot.sandbox.interactions import DEFERRED_MESSAGE, MESSAGE
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import SmallBot

BUTTON = {"type": 1, "components": [{"type": 2, "style": 2, "label": "x", "custom_id": "x"}]}


@pytest.fixture
def audit(discord: Sandbox) -> Accounting:
    return Accounting(discord.world)


@pytest.fixture
async def asked(discord: Sandbox, bot: SmallBot, ada: Person, audit: Accounting) -> Interaction:
    """Send a command that nobody answers yet; its mark is the first."""
    interaction = await ada.slash("silent")
    audit.record_request(audit.new_mark(), interaction)
    return interaction


MARK = "mark000001"


def verdict(audit: Accounting) -> Verdict:
    [account] = audit.totals().accounts
    return account.verdict


async def defer(raw: Raw, interaction: Interaction) -> None:
    status, _ = await raw.answer(interaction, {"type": DEFERRED_MESSAGE})
    assert status == 204


async def deliver(raw: Raw, path: str, *, method: str = "PATCH") -> None:
    status, _ = await raw.send(path, {"content": "here"}, ("x.gif", MARK.encode()), method=method)
    assert status == 200


def original(raw: Raw, interaction: Interaction) -> str:
    return f"{raw.webhook(interaction)}/messages/@original"


async def test_never_answered(audit: Accounting, asked: Interaction) -> None:
    assert verdict(audit) is Verdict.UNANSWERED
    audit.record_acceptances([f'{{"prompt": "a ball {MARK}"}}'])  # the bot's own row
    assert verdict(audit) is Verdict.LOST


async def test_refused(audit: Accounting, asked: Interaction, raw: Raw) -> None:
    await raw.answer(asked, {"type": MESSAGE, "data": {"content": "No.", "flags": 64}})
    assert verdict(audit) is Verdict.REFUSED


async def test_accepted_and_delivered(audit: Accounting, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    assert verdict(audit) is Verdict.LOST
    assert audit.totals().unsettled
    working = {"content": f"working at {MARK}", "components": [BUTTON]}
    await raw.call("PATCH", original(raw, asked), working)
    assert verdict(audit) is Verdict.LOST
    await deliver(raw, original(raw, asked))
    await raw.call("PATCH", original(raw, asked), {"components": []})
    totals = audit.totals()
    assert (totals.counts, totals.accepted_count) == ({Verdict.DELIVERED: 1}, 1)
    assert not totals.failures
    assert not totals.unsettled
    assert len(audit.deliveries(MARK)) == 1


async def test_a_preview_is_no_delivery(audit: Accounting, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    working = {"content": f"working at {MARK}", "components": [BUTTON]}
    await raw.send(original(raw, asked), working, ("preview.webp", MARK.encode()), method="PATCH")
    assert verdict(audit) is Verdict.LOST
    await deliver(raw, original(raw, asked))
    assert verdict(audit) is Verdict.DELIVERED


async def test_told_why_not(audit: Accounting, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    await raw.call("PATCH", original(raw, asked), {"content": f"{MARK}: it could not be made"})
    assert verdict(audit) is Verdict.EXPLAINED


async def test_doubled(discord: Sandbox, audit: Accounting, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    await deliver(raw, original(raw, asked))
    posted = f"/channels/{discord.channel.id}/messages"
    await deliver(raw, posted, method="POST")
    assert verdict(audit) is Verdict.DUPLICATED
    assert [account.mark for account in audit.totals().failures] == [MARK]
    second = audit.deliveries(MARK)[1]
    await raw.call("DELETE", f"{posted}/{second.id}")
    assert verdict(audit) is Verdict.DELIVERED


async def test_one_file_twice_in_one_message(
    audit: Accounting, asked: Interaction, raw: Raw
) -> None:
    await defer(raw, asked)
    files = [("a.gif", MARK.encode()), ("b.gif", MARK.encode())]
    await raw.send(original(raw, asked), {"content": "x"}, *files, method="PATCH")
    assert verdict(audit) is Verdict.DUPLICATED


async def test_contradicted(
    discord: Sandbox, audit: Accounting, asked: Interaction, raw: Raw
) -> None:
    await defer(raw, asked)
    await deliver(raw, original(raw, asked))
    said = {"content": f"{MARK} failed"}
    await raw.call("POST", f"/channels/{discord.channel.id}/messages", said)
    assert verdict(audit) is Verdict.CONTRADICTED


async def test_by_direct_message_and_astray(
    discord: Sandbox, audit: Accounting, asked: Interaction, raw: Raw, ada: Person
) -> None:
    await defer(raw, asked)
    _, channel = await raw.call("POST", "/users/@me/channels", {"recipient_id": str(ada.user.id)})
    await deliver(raw, f"/channels/{channel['id']}/messages", method="POST")
    assert verdict(audit) is Verdict.DELIVERED
    [message] = audit.deliveries(MARK)
    message.deleted = True
    elsewhere = discord.add_channel("elsewhere")
    await deliver(raw, f"/channels/{elsewhere.id}/messages", method="POST")
    assert verdict(audit) is Verdict.MISDELIVERED
