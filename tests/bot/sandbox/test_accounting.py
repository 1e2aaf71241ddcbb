"""The ledger counts what stands in the sandbox, whatever the bot says of itself."""

from __future__ import annotations

import pytest

from bot.sandbox import Interaction, Ledger, Person, Sandbox, Verdict
from bot.sandbox.interactions import DEFERRED_MESSAGE, MESSAGE
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import SmallBot

BUTTON = {"type": 1, "components": [{"type": 2, "style": 2, "label": "x", "custom_id": "x"}]}


@pytest.fixture
def ledger(discord: Sandbox) -> Ledger:
    return Ledger(discord.world)


@pytest.fixture
async def asked(discord: Sandbox, bot: SmallBot, ada: Person, ledger: Ledger) -> Interaction:
    """A command that nobody has answered yet; its mark is the first."""
    interaction = await ada.slash("silent")
    ledger.asked(ledger.new_mark(), interaction)
    return interaction


MARK = "mark000001"


def verdict(ledger: Ledger) -> Verdict:
    [account] = ledger.tally().accounts
    return account.verdict


async def defer(raw: Raw, interaction: Interaction) -> None:
    status, _ = await raw.answer(interaction, {"type": DEFERRED_MESSAGE})
    assert status == 204


async def deliver(raw: Raw, path: str, *, method: str = "PATCH") -> None:
    status, _ = await raw.send(path, {"content": "here"}, ("x.gif", MARK.encode()), method=method)
    assert status == 200


def original(raw: Raw, interaction: Interaction) -> str:
    return f"{raw.webhook(interaction)}/messages/@original"


async def test_never_answered(ledger: Ledger, asked: Interaction) -> None:
    assert verdict(ledger) is Verdict.UNHEARD
    ledger.vouch([f'{{"prompt": "a ball {MARK}"}}'])  # the bot's own row
    assert verdict(ledger) is Verdict.LOST


async def test_refused(ledger: Ledger, asked: Interaction, raw: Raw) -> None:
    await raw.answer(asked, {"type": MESSAGE, "data": {"content": "No.", "flags": 64}})
    assert verdict(ledger) is Verdict.REFUSED


async def test_accepted_and_delivered(ledger: Ledger, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    assert verdict(ledger) is Verdict.LOST
    assert ledger.tally().unsettled
    working = {"content": f"working at {MARK}", "components": [BUTTON]}
    await raw.call("PATCH", original(raw, asked), working)
    assert verdict(ledger) is Verdict.LOST
    await deliver(raw, original(raw, asked))
    await raw.call("PATCH", original(raw, asked), {"components": []})
    tally = ledger.tally()
    assert (tally.counts, tally.accepted) == ({Verdict.DELIVERED: 1}, 1)
    assert not tally.failures
    assert not tally.unsettled
    assert len(ledger.deliveries(MARK)) == 1


async def test_a_preview_is_no_delivery(ledger: Ledger, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    working = {"content": f"working at {MARK}", "components": [BUTTON]}
    await raw.send(original(raw, asked), working, ("preview.webp", MARK.encode()), method="PATCH")
    assert verdict(ledger) is Verdict.LOST
    await deliver(raw, original(raw, asked))
    assert verdict(ledger) is Verdict.DELIVERED


async def test_told_why_not(ledger: Ledger, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    await raw.call("PATCH", original(raw, asked), {"content": f"{MARK}: it could not be made"})
    assert verdict(ledger) is Verdict.TOLD


async def test_doubled(discord: Sandbox, ledger: Ledger, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    await deliver(raw, original(raw, asked))
    posted = f"/channels/{discord.channel.id}/messages"
    await deliver(raw, posted, method="POST")
    assert verdict(ledger) is Verdict.DOUBLED
    assert [account.mark for account in ledger.tally().failures] == [MARK]
    second = ledger.deliveries(MARK)[1]
    await raw.call("DELETE", f"{posted}/{second.id}")
    assert verdict(ledger) is Verdict.DELIVERED


async def test_one_file_twice_in_one_message(ledger: Ledger, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    files = [("a.gif", MARK.encode()), ("b.gif", MARK.encode())]
    await raw.send(original(raw, asked), {"content": "x"}, *files, method="PATCH")
    assert verdict(ledger) is Verdict.DOUBLED


async def test_contradicted(discord: Sandbox, ledger: Ledger, asked: Interaction, raw: Raw) -> None:
    await defer(raw, asked)
    await deliver(raw, original(raw, asked))
    said = {"content": f"{MARK} failed"}
    await raw.call("POST", f"/channels/{discord.channel.id}/messages", said)
    assert verdict(ledger) is Verdict.CONTRADICTED


async def test_by_direct_message_and_astray(
    discord: Sandbox, ledger: Ledger, asked: Interaction, raw: Raw, ada: Person
) -> None:
    await defer(raw, asked)
    _, channel = await raw.call("POST", "/users/@me/channels", {"recipient_id": str(ada.user.id)})
    await deliver(raw, f"/channels/{channel['id']}/messages", method="POST")
    assert verdict(ledger) is Verdict.DELIVERED
    [message] = ledger.deliveries(MARK)
    message.deleted = True
    elsewhere = discord.add_channel("elsewhere")
    await deliver(raw, f"/channels/{elsewhere.id}/messages", method="POST")
    assert verdict(ledger) is Verdict.ASTRAY
