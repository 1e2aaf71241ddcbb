"""Messages in channels and DMs, their files, and what becomes of them."""

from __future__ import annotations

import asyncio
import io

import discord as library
import pytest

from bot.sandbox import Channel, Person, Sandbox, Upload
from bot.sandbox.model import EVERYONE, SEND_MESSAGES
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import GIF, SmallBot, running
from tests.patience import PATIENCE


def path_of(channel: Channel, message_id: str = "") -> str:
    path = f"/channels/{channel.id}/messages"
    return f"{path}/{message_id}" if message_id else path


async def test_a_library_posts_edits_and_deletes(discord: Sandbox, bot: SmallBot) -> None:
    channel = bot.get_channel(discord.channel.id)
    assert isinstance(channel, library.TextChannel)
    message = await channel.send("hello", file=library.File(io.BytesIO(GIF), "a.gif"))
    assert await message.attachments[0].read() == GIF
    assert message.attachments[0].content_type == "image/gif"
    edited = await message.edit(content="changed", attachments=[])
    assert (edited.content, edited.attachments) == ("changed", [])
    assert edited.edited_at is not None
    assert [each.content async for each in channel.history()] == ["changed"]
    await edited.delete()
    assert discord.messages_in(discord.channel) == []
    with pytest.raises(library.NotFound):
        await channel.fetch_message(message.id)


async def test_a_library_hears_of_messages(discord: Sandbox) -> None:
    intents = library.Intents(guilds=True, guild_messages=True, dm_messages=True)
    async with running(SmallBot(intents), discord.url, discord.token) as bot:
        ada = discord.person("ada")
        await ada.says("in the open", Upload("a.txt", b"text"))
        await ada.in_dm().says("in private")
        async with asyncio.timeout(PATIENCE):
            heard = [await bot.messages.get() for _ in range(2)]
    assert [message.content for message in heard] == ["", "in private"]


async def test_a_library_opens_a_dm(discord: Sandbox, bot: SmallBot, ada: Person) -> None:
    user = await bot.fetch_user(ada.user.id)
    await user.send("psst")
    assert [message.content for message in discord.direct_messages(ada.user)] == ["psst"]
    ada.user.accepts_dms = False
    with pytest.raises(library.Forbidden) as refused:
        await user.send("again")
    assert refused.value.code == 50007


async def test_strangers_get_no_dm(discord: Sandbox, raw: Raw) -> None:
    stranger = discord.world.add_user("stranger")
    _, channel = await raw.call("POST", "/users/@me/channels", {"recipient_id": str(stranger.id)})
    path = f"/channels/{channel['id']}/messages"
    status, body = await raw.call("POST", path, {"content": "x"})
    assert (status, body["code"]) == (403, 50278)
    status, body = await raw.call("POST", "/users/@me/channels", {"recipient_id": "1"})
    assert (status, body["code"]) == (400, 50033)


async def test_files_up_to_the_limit(discord: Sandbox, raw: Raw) -> None:
    discord.world.upload_limit = 1000
    path = path_of(discord.channel)
    status, _ = await raw.send(path, {}, ("fits.gif", b"0" * 1000))
    assert status == 200
    status, body = await raw.send(path, {}, ("large.gif", b"0" * 1001))
    assert (status, body["code"]) == (413, 40005)
    status, body = await raw.send(path, {}, ("a", b"1"), ("huge.gif", b"0" * 2_000_000))
    assert (status, body["code"]) == (413, 40005)
    assert len(discord.messages_in(discord.channel)) == 1
    assert discord.violations == []


async def test_the_limit_of_the_invoker(discord: Sandbox, raw: Raw) -> None:
    discord.world.upload_limit = 1000
    ada = discord.person("ada", upload_limit=2000)
    await raw.call(
        "PUT",
        f"/applications/{discord.world.application_id}/commands",
        [{"name": "gif", "description": "x"}],
    )
    await (await raw.connect()).until("READY")
    interaction = await ada.slash("gif")
    await raw.answer(interaction, {"type": 5})
    original = f"{raw.webhook(interaction)}/messages/@original"
    for size, expected in ((2000, 200), (2001, 413)):
        status, _ = await raw.send(original, {}, ("a.gif", b"0" * size), method="PATCH")
        assert status == expected


async def test_the_cdn_serves_signed_urls_for_a_day(discord: Sandbox, raw: Raw) -> None:
    _, message = await raw.send(path_of(discord.channel), {}, ("my file?.gif", GIF))
    attachment = message["attachments"][0]
    assert attachment["filename"] == "my_file_.gif"
    assert (attachment["width"], attachment["height"]) == (64, 48)
    async with raw.session.get(attachment["url"]) as response:
        assert (await response.read(), response.content_type) == (GIF, "image/gif")
    for tampered in (attachment["url"].partition("?")[0], attachment["url"][:-1] + "x"):
        async with raw.session.get(tampered) as response:
            assert response.status == 404
    discord.clock.advance(25 * 3600)
    async with raw.session.get(attachment["url"]) as response:
        assert response.status == 404


async def test_an_embed_shows_an_attached_file(discord: Sandbox, raw: Raw) -> None:
    embed = {"title": "A GIF", "image": {"url": "attachment://a.gif"}}
    _, message = await raw.send(path_of(discord.channel), {"embeds": [embed]}, ("a.gif", GIF))
    assert message["attachments"] == []
    async with raw.session.get(message["embeds"][0]["image"]["url"]) as response:
        assert await response.read() == GIF


async def test_an_edit_keeps_what_it_does_not_name(discord: Sandbox, raw: Raw) -> None:
    path = path_of(discord.channel)
    _, message = await raw.send(path, {"content": "c"}, ("a.gif", GIF), ("b.gif", GIF))
    edit = path_of(discord.channel, message["id"])
    _, edited = await raw.send(edit, {"embeds": [{"title": "t"}]}, ("c.gif", GIF), method="PATCH")
    assert [each["filename"] for each in edited["attachments"]] == ["a.gif", "b.gif", "c.gif"]
    assert edited["content"] == "c"
    keep = {"attachments": [{"id": message["attachments"][1]["id"]}]}
    _, edited = await raw.call("PATCH", edit, keep)
    assert [each["filename"] for each in edited["attachments"]] == ["b.gif"]
    status, body = await raw.call("PATCH", edit, {"attachments": [{"id": "99"}]})
    assert (status, body["code"]) == (400, 50035)
    status, body = await raw.call("PATCH", edit, {"content": "", "embeds": [], "attachments": []})
    assert (status, body["code"]) == (400, 50006)
    _, unchanged = await raw.call("GET", edit)
    assert unchanged["content"] == "c"
    assert [each["filename"] for each in unchanged["attachments"]] == ["b.gif"]


@pytest.mark.parametrize(
    ("allowed", "pinged"),
    [
        (None, True),
        ({"parse": []}, False),
        ({"parse": ["users", "roles", "everyone"]}, True),
        ({"parse": [], "users": ["ADA"]}, False),
    ],
)
@pytest.mark.parametrize("is_v2", [False, True])
async def test_allowed_mentions(
    discord: Sandbox,
    raw: Raw,
    ada: Person,
    *,
    allowed: dict[str, list[str]] | None,
    pinged: bool,
    is_v2: bool,
) -> None:
    role = discord.world.add_role(discord.guild, "team")
    content = f"@everyone <@{ada.user.id}> <@&{role.id}>"
    payload: dict[str, object] = {"content": content}
    if is_v2:
        payload = {"flags": 1 << 15, "components": [{"type": 10, "content": content}]}
    if allowed is not None:
        payload["allowed_mentions"] = allowed | (
            {"users": [str(ada.user.id)]} if "users" in allowed else {}
        )
    _, message = await raw.call("POST", path_of(discord.channel), payload)
    named = pinged or (allowed is not None and "users" in allowed)
    assert [each["username"] for each in message["mentions"]] == (["ada"] if named else [])
    assert message["mention_roles"] == ([str(role.id)] if pinged else [])
    assert message["mention_everyone"] is pinged


async def test_a_nonce_keeps_a_retry_from_posting_twice(discord: Sandbox, raw: Raw) -> None:
    payload = {"content": "once", "nonce": "job-7", "enforce_nonce": True}
    _, first = await raw.call("POST", path_of(discord.channel), payload)
    _, second = await raw.call("POST", path_of(discord.channel), payload)
    assert first["id"] == second["id"]
    assert first["nonce"] == "job-7"
    await raw.call("POST", path_of(discord.channel), {"content": "twice", "nonce": "job-7"})
    assert len(discord.messages_in(discord.channel)) == 2


async def test_replies(discord: Sandbox, raw: Raw, ada: Person) -> None:
    asked, path = await ada.says("why?"), path_of(discord.channel)
    reply = {"content": "so", "message_reference": {"message_id": str(asked.id)}}
    _, message = await raw.call("POST", path, reply)
    assert (message["type"], message["message_reference"]["message_id"]) == (19, str(asked.id))
    await raw.call("DELETE", path_of(discord.channel, message["id"]))
    gone = {"message_id": message["id"]}
    status, body = await raw.call("POST", path, {"content": "x", "message_reference": gone})
    assert (status, body["code"]) == (400, 50035)
    gone["fail_if_not_exists"] = False
    status, message = await raw.call("POST", path, {"content": "x", "message_reference": gone})
    assert (status, message["type"]) == (200, 0)


async def test_pages_of_messages(discord: Sandbox, raw: Raw, ada: Person) -> None:
    ids = [str((await ada.says(str(number))).id) for number in range(5)]
    path = path_of(discord.channel)

    async def page(query: str) -> list[str]:
        return [each["content"] for each in (await raw.call("GET", f"{path}?{query}"))[1]]

    assert await page("limit=2") == ["4", "3"]
    assert await page(f"limit=2&before={ids[3]}") == ["2", "1"]
    assert await page(f"limit=2&after={ids[1]}") == ["3", "2"]
    assert await page(f"after={ids[4]}") == []
    for query in ("limit=many", "before=-1", "after="):
        status, body = await raw.call("GET", f"{path}?{query}")
        assert (status, body["code"]) == (400, 50035)


async def test_what_a_bot_may_not_do(discord: Sandbox, raw: Raw, ada: Person) -> None:
    message = await ada.says("mine")
    theirs = path_of(discord.channel, str(message.id))
    status, body = await raw.call("PATCH", theirs, {"content": "yours"})
    assert (status, body["code"]) == (403, 50005)
    status, body = await raw.call("DELETE", theirs)
    assert (status, body["code"]) == (403, 50013)
    discord.channel.bot_permissions = EVERYONE & ~SEND_MESSAGES
    status, body = await raw.call("POST", path_of(discord.channel), {"content": "x"})
    assert (status, body["code"]) == (403, 50013)
    discord.channel.bot_permissions = 0
    status, body = await raw.call("GET", path_of(discord.channel))
    assert (status, body["code"]) == (403, 50001)


@pytest.mark.parametrize(
    ("method", "path", "refusal"),
    [
        ("GET", "/channels/1", (404, 10003)),
        ("GET", "/channels/x", (404, 10003)),
        ("GET", "/guilds/1", (404, 10004)),
        ("GET", "/users/1", (404, 10013)),
        ("GET", "/channels/CHANNEL/messages/1", (404, 10008)),
        ("GET", "/guilds/GUILD/members/1", (404, 10013)),
        ("PUT", "/applications/1/commands", (404, 10002)),
        ("GET", "/nothing/here", (404, 0)),
        ("DELETE", "/users/@me", (405, 0)),
    ],
)
async def test_what_is_not_there(
    discord: Sandbox, raw: Raw, method: str, path: str, refusal: tuple[int, int]
) -> None:
    path = path.replace("CHANNEL", str(discord.channel.id)).replace("GUILD", str(discord.guild.id))
    answered, body = await raw.call(method, path)
    assert (answered, body["code"]) == refusal


async def test_what_is_there(discord: Sandbox, raw: Raw, ada: Person) -> None:
    guild = f"/guilds/{discord.guild.id}"
    assert (await raw.call("GET", guild))[1]["name"] == "Sandbox"
    assert (await raw.call("GET", f"{guild}/channels"))[1][0]["name"] == "gifs"
    assert (await raw.call("GET", f"{guild}/roles"))[1][0]["name"] == "@everyone"
    member = (await raw.call("GET", f"{guild}/members/{ada.user.id}"))[1]
    assert member["user"]["username"] == "ada"
    assert (await raw.call("GET", "/gateway"))[1]["url"].startswith("ws://127.0.0.1:")
    assert (await raw.call("POST", f"/channels/{discord.channel.id}/typing"))[0] == 204
    dm = ada.in_dm().channel
    assert (await raw.call("GET", f"/channels/{dm.id}"))[1]["recipients"][0]["username"] == "ada"


async def test_without_a_token_nothing_is_told(discord: Sandbox, raw: Raw) -> None:
    status, body = await raw.call("GET", "/users/@me", token="wrong")
    assert (status, body) == (401, {"message": "401: Unauthorized", "code": 0})


async def test_rate_limit_headers_are_there(discord: Sandbox, raw: Raw) -> None:
    headers = {"Authorization": f"Bot {discord.token}"}
    remaining = []
    for _ in range(3):
        url = f"{discord.url}/api/v10/users/@me"
        async with raw.session.get(url, headers=headers) as response:
            remaining.append(int(response.headers["X-RateLimit-Remaining"]))
    assert remaining == sorted(remaining, reverse=True)
    assert remaining[-1] > 0
