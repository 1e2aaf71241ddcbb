"""The page's server: who is let in, what a page is told, what it can ask for, files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox import Sandbox
from bot.sandbox.messages import Body, Draft, post
from bot.sandbox.model import Message, User
from bot.sandbox.page.server import PageServer
from bot.sandbox.page.view import MESSAGES_AT_ONCE
from tests.bot.sandbox.small_bot import GIF, SmallBot
from tests.patience import PATIENCE

Json = dict[str, Any]


class OpenPage:
    """The page's side of its websocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.told: list[Json] = []

    async def until(self, key: str) -> Json:
        """The next thing told that has ``key``."""
        while True:
            told: Json = json.loads((await self.socket.receive(PATIENCE)).data)
            self.told.append(told)
            if key in told:
                return told

    async def told_of(self, key: str, holds: Callable[[Any], bool]) -> Any:
        """What was told under ``key`` and holds, waited for where it is still to come."""
        seen = 0
        while True:
            for told in self.told[seen:]:
                if key in told and holds(told[key]):
                    return told[key]
            seen = len(self.told)
            await self.until(key)

    async def ask(self, what: str, **values: Any) -> Json:
        await self.socket.send_json({"id": 1, "do": what, **values})
        return await self.until("re")


@pytest.fixture
async def page(discord: Sandbox) -> AsyncIterator[PageServer]:
    async with PageServer(discord) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def opened(page: PageServer, http: aiohttp.ClientSession) -> AsyncIterator[OpenPage]:
    async with http.ws_connect(f"{page.url}socket", origin=origin(page)) as socket:
        yield OpenPage(socket)


def origin(page: PageServer) -> str:
    return "/".join(page.url.split("/")[:3])


def named(discord: Sandbox, name: str) -> User:
    return next(user for user in discord.world.users.values() if user.username == name)


def here(discord: Sandbox) -> Json:
    return {"user": str(named(discord, "you").id), "channel": str(discord.channel.id)}


def said(answer: Json) -> str:
    """A refusal in English: the page says it in the language of who is there."""
    return str(answer["error"]).format(**answer["values"])


async def test_only_the_page_itself_is_let_in(
    page: PageServer, http: aiohttp.ClientSession
) -> None:
    async def status(url: str, method: str = "GET", **headers: str) -> int:
        async with http.request(method, url, headers=headers) as response:
            return response.status

    assert await status(page.url) == 200
    assert await status(f"{page.url}main.js") == 200
    assert await status(f"{page.url}..%2fserver.py") == 404
    assert await status(f"{origin(page)}/") == 404
    assert await status(f"{origin(page)}/wrong-token/") == 404
    assert await status(page.url, Host="evil.example") == 421
    assert await status(page.url, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert await status(f"{page.url}upload", "POST") == 403
    assert await status(f"{page.url}upload", "POST", Origin="http://evil.example") == 403
    for foreign in (None, "http://evil.example", "null"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"{page.url}socket", origin=foreign)
        assert refused.value.status == 403


async def test_the_page_may_load_nothing_from_elsewhere_and_makes_no_html(
    page: PageServer, http: aiohttp.ClientSession
) -> None:
    async with http.get(page.url) as response:
        policy = response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
    for rule in ("default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"):
        assert rule in policy.split("; ")


async def test_a_person_is_told_what_the_bot_says(
    discord: Sandbox, bot: SmallBot, opened: OpenPage
) -> None:
    assert [each["username"] for each in (await opened.until("people"))["people"]] == ["you", "sam"]
    place = here(discord)
    completed = await opened.ask("complete", name="find", option="name", typed="gre", **place)
    assert completed["choices"] == [{"name": "green", "value": "green"}]
    assert await opened.ask("slash", name="find", values={"name": "green"}, **place) == {"re": 1}
    (message,) = discord.messages_in(discord.channel)
    (told,) = await opened.told_of("messages", lambda _: True)
    assert (told["id"], told["content"]) == (str(message.id), "green")
    assert told["answers"] == {"user": place["user"], "name": "find"}
    answer = await opened.ask("menu", name="Repeat", message=str(message.id), **place)
    assert answer == {"re": 1}
    assert [each.text for each in discord.messages_in(discord.channel)][1:] == ["It said: green"]


async def test_commands_for_people_are_offered(
    discord: Sandbox, bot: SmallBot, opened: OpenPage
) -> None:
    place = here(discord)
    sam = named(discord, "sam")
    assert await opened.ask("user_menu", name="Greet", target=str(sam.id), **place) == {"re": 1}
    assert [each.text for each in discord.messages_in(discord.channel)] == ["Hello sam"]
    answer = await opened.ask("user_menu", name="Greet", target="7", **place)
    assert "no longer exists" in said(answer)


async def test_nobody_presses_in_direct_messages_of_others(
    discord: Sandbox, bot: SmallBot, opened: OpenPage
) -> None:
    world = discord.world
    sam = named(discord, "sam")
    channel = world.dm_between(sam, world.bot)
    button = {"type": 2, "style": 2, "label": "Again", "custom_id": "again"}
    menu = {"type": 5, "custom_id": "who"}
    rows = [{"type": 1, "components": [part]} for part in (button, menu)]
    body = Body({"content": "for Sam", "components": rows})
    message = str(post(world, Draft(channel=channel, author=world.bot, body=body)).id)
    place = here(discord)
    for what, values in (
        ("press", {"button": "again"}),
        ("choose", {"select": "who", "values": [place["user"]]}),
        ("menu", {"name": "Repeat"}),
    ):
        answer = await opened.ask(what, message=message, **values, **place)
        assert said(answer) == "you can't see that message."
    answer = await opened.ask("say", text="x", user=place["user"], channel=str(channel.id))
    assert "somebody else's" in said(answer)
    assert list(world.interactions) == []


async def test_many_messages_come_as_they_are_asked_for_and_the_newest_first(
    discord: Sandbox, page: PageServer, http: aiohttp.ClientSession
) -> None:
    world = discord.world

    def say(text: str) -> Message:
        body = Body({"content": text})
        return post(world, Draft(channel=discord.channel, author=world.bot, body=body))

    posted = [say(str(number)) for number in range(2 * MESSAGES_AT_ONCE + 1)]
    async with http.ws_connect(f"{page.url}socket", origin=origin(page)) as socket:
        opened = OpenPage(socket)
        told = [await opened.until("messages")]
        new = say("new, and told at once")
        (later,) = (await opened.until("messages"))["messages"]
        told += [await opened.ask("earlier") for _ in range(3)]
    assert told.pop() == {"re": 1, "more": False}
    assert [len(each["messages"]) for each in told] == [MESSAGES_AT_ONCE, MESSAGES_AT_ONCE, 1]
    assert [each["more"] for each in told] == [True, True, False]
    ids = [each["id"] for part in reversed(told) for each in part["messages"]]
    assert ids == [str(message.id) for message in posted]
    assert later["id"] == str(new.id)


async def test_languages_and_people_are_the_worlds(discord: Sandbox, opened: OpenPage) -> None:
    answer = await opened.ask("person", name="Kim", **here(discord))
    kim = discord.world.user(answer["user"])
    assert await opened.ask("locale", locale="ja", **here(discord) | answer) == {"re": 1}
    assert (kim.username, kim.locale) == ("kim", "ja")
    await opened.told_of("people", lambda people: people[-1]["locale"] == "ja")


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"do": "fly"}, "doesn't know"),
        ({"do": "say", "text": ""}, "empty message"),
        ({"do": "say", "text": "x" * 2001}, "too many"),
        ({"do": "say", "text": "x", "user": "7"}, "no such person"),
        ({"do": "say", "text": "x", "channel": "-1"}, "channel is gone"),
        ({"do": "say", "text": "x", "files": ["no"]}, "attach it again"),
        ({"do": "say", "text": "x", "files": ["no"] * 11}, "10 files"),
        ({"do": "say", "text": "\ud83d"}, "half of a character"),
        ({"do": "press", "message": "1", "button": "again"}, "message is gone"),
        ({"do": "slash", "name": "nothing", "values": {}}, "no command"),
        ({"do": "slash", "name": " "}, "sent nothing"),
        ({"do": "slash", "name": "find", "values": {"within": 1}}, "no option within"),
        ({"do": "submit", "interaction": "1", "values": {}}, "no longer exists"),
        ({"do": "person", "name": "you"}, "already"),
        ({"do": "person", "name": " "}, "visible"),
        ({"do": "person", "name": "\u202e"}, "visible"),
        ({"do": "locale", "locale": "tlh"}, "no such language"),
        ({"do": "order", "line": "explode"}, "explode"),
    ],
)
async def test_what_cannot_be_done_is_a_sentence(
    discord: Sandbox, opened: OpenPage, asked: Json, sentence: str
) -> None:
    what = asked["do"]
    answer = await opened.ask(what, **here(discord) | {k: asked[k] for k in asked if k != "do"})
    assert sentence in said(answer)


async def test_nonsense_ends_neither_the_socket_nor_the_sandbox(
    discord: Sandbox, opened: OpenPage
) -> None:
    for text in ("", "[]", "{", "7", "[" * 100_000, '{"do": {}}'):
        await opened.socket.send_str(text)
    answer = await opened.ask("say", text="still here", **here(discord))
    while answer["re"] is None:  # of what had no number
        answer = await opened.until("re")
    assert "error" not in answer


async def test_files_are_bounded_and_shown_only_as_pictures(
    discord: Sandbox, page: PageServer, http: aiohttp.ClientSession, opened: OpenPage
) -> None:
    async def upload(name: str, data: bytes, **more: str) -> tuple[int, Json]:
        query = here(discord) | {"name": name}
        headers = {"Origin": origin(page), **more}
        async with http.post(
            f"{page.url}upload", params=query, data=data, headers=headers
        ) as answer:
            return answer.status, await answer.json()

    status, answer = await upload("big.gif", b"x" * (discord.world.upload_limit + 1))
    assert status == 413
    assert "10 MB can be uploaded" in said(answer)

    keys = [
        (await upload("a.gif", GIF, **{"Content-Type": "image/gif"}))[1]["upload"],
        (await upload("a.html", b"<script>1</script>", **{"Content-Type": "text/html"}))[1][
            "upload"
        ],
    ]
    await opened.ask("say", text="", files=keys, **here(discord))
    picture, markup = discord.messages_in(discord.channel)[0].files
    async with http.get(f"{page.url}files/{picture.id}/a.gif") as response:
        assert (await response.read(), response.content_type) == (GIF, "image/gif")
    async with http.get(f"{page.url}files/{markup.id}/a.html") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in response.headers["Content-Security-Policy"]
    async with http.get(f"{page.url}files/{'9' * 19}/a.gif") as response:
        assert response.status == 404


async def test_a_page_that_is_left_open_finds_the_next_one(
    discord: Sandbox, tmp_path: Path
) -> None:
    kept = tmp_path / "page.json"
    async with PageServer(discord, kept=kept) as first:
        pass
    assert kept.stat().st_mode & 0o777 == 0o600
    async with PageServer(discord, kept=kept) as second:
        assert second.url == first.url
        async with PageServer(discord, kept=kept) as beside:
            assert origin(beside) != origin(second)


async def test_an_address_that_others_could_have_written_is_not_taken(
    discord: Sandbox, tmp_path: Path
) -> None:
    kept = tmp_path / "page.json"
    async with PageServer(discord, kept=kept) as first:
        pass
    kept.chmod(0o644)
    async with PageServer(discord, kept=kept) as second:
        assert second.url.split("/")[3] != first.url.split("/")[3]
    for nonsense in (
        "",
        "[]",
        '{"port": 1}',
        '{"port": "x", "token": "y"}',
        '{"port": 0, "token": "../"}',
    ):
        kept.write_text(nonsense)
        async with PageServer(discord, kept=kept) as third:
            assert len(third.url.split("/")[3]) == 24
