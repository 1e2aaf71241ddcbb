"""Links: none reaches a private address, and a damaged one ends in a sentence, whatever it is."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from bot.core.errors import RefusedError
from bot.intake.download import AllowedHosts, download, link_hosts, redirect_target
from generator.contract.errors import MediaError
from generator.contract.links import Address, is_public
from generator.sources.fetch import fetch
from tests.fuzz import links, mutations

DOOR = "127.9.9.9"  # where a server stands that is to be reached: it sends on
_LEAST = 1790
_HOSTS = ("huggingface.co", "civitai.com")


def allows(address: Address) -> bool:
    return is_public(address) or str(address) == DOOR


class Net:
    """Name servers that say what an attacker's would; and where connections went."""

    def __init__(self, answers: str) -> None:
        self.answers = answers
        self.reached: list[str] = []
        self._getaddrinfo = socket.getaddrinfo
        self._connect = asyncio.get_running_loop().sock_connect

    def getaddrinfo(self, host: Any, port: Any, *others: Any) -> Any:
        """As the standard library's; numbers are read by the system, names by ``answers``."""
        family, kind, protocol, flags = others
        try:
            return self._getaddrinfo(
                host, port, family, kind, protocol, flags | socket.AI_NUMERICHOST
            )
        except socket.gaierror:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.answers, port or 0))]

    async def connect(self, made: socket.socket, place: Any) -> None:
        self.reached.append(place[0])
        if place[0] != DOOR:
            raise ConnectionRefusedError(f"{place[0]} was reached")
        await self._connect(made, place)


@pytest.fixture
async def net(monkeypatch: pytest.MonkeyPatch) -> Net:
    made = Net("10.9.8.7")
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", made.connect)
    return made


@pytest.fixture
async def door() -> AsyncIterator[str]:
    """An address that sends on to wherever its query says."""

    async def away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.query["to"]})

    app = web.Application()
    app.router.add_get("/", away)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, DOOR, 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://{DOOR}:{port}/"
    await runner.cleanup()


async def test_no_link_reaches_a_private_address(net: Net, tmp_path: Path) -> None:
    """By the command line's way of fetching, and by the bot's with every host allowed."""
    every = list(links.every())
    assert len(every) >= _LEAST
    for link in every:
        with pytest.raises(MediaError):
            await fetch(f"http://{link}")
        hosts = frozenset({(_host(f"https://{link}") or "x").lower()})
        with pytest.raises(RefusedError):
            await download(
                f"https://{link}", tmp_path / "x", AllowedHosts(hosts=hosts), max_bytes=1, seconds=9
            )
    assert net.reached == []
    print(f"{len(every)} links, {2 * len(every)} tries, no private address reached")


async def test_nor_does_one_that_is_sent_on_to(net: Net, door: str, tmp_path: Path) -> None:
    places = AllowedHosts(origin=URL(door), follows_redirects=True, allows=allows)
    every = list(links.every())[::7]
    for link in every:
        with pytest.raises(MediaError):
            await fetch(str(URL(door).with_query(to=f"http://{link}")), allows=allows)
        sent = str(URL(door).with_query(to=f"https://{link}"))
        with pytest.raises(RefusedError):
            await download(sent, tmp_path / "x", places, max_bytes=1, seconds=9)
    assert set(net.reached) == {DOOR}
    assert len(net.reached) >= 2 * len(every)


async def test_the_check_itself_can_fail(net: Net) -> None:
    net.answers = "1.1.1.1"
    with pytest.raises(MediaError):
        await fetch("http://public.example/")
    assert net.reached == ["1.1.1.1"]


SEEDS = [
    "https://huggingface.co/a/b/resolve/main/c.safetensors",
    "https://civitai.com/api/download/models/1?type=Model&format=SafeTensor",
    "http://user:word@127.0.0.1:8080/a.gif#x",
    "https://[::ffff:127.0.0.1]:443/a",
    "https://bücher.example/ü?ä=ö",
    "//huggingface.co/a",
    "data:image/gif;base64,R0lGOD",
]


async def test_damaged_links_end_in_a_sentence(net: Net, tmp_path: Path) -> None:
    count = 0
    for link in mutations.texts(SEEDS, seed=14):
        host = _host(link)
        places = (
            AllowedHosts(hosts=frozenset({host.lower()}))
            if host and count % 2
            else link_hosts(_HOSTS)
        )
        with pytest.raises(RefusedError):
            await download(link, tmp_path / "x", places, max_bytes=1, seconds=9)
        if count % 5 == 0:
            with pytest.raises(MediaError):
                await fetch(link)
        count += 1
    assert count == mutations.MOST
    assert await asyncio.to_thread(os.listdir, tmp_path) == []
    print(f"links: {count} mutations")


def test_damaged_locations_end_in_a_sentence() -> None:
    url, sent, refused = URL("https://huggingface.co/a"), 0, 0
    for location in mutations.texts([*SEEDS, "/b/c.safetensors", "../x"], seed=15):
        try:
            target = redirect_target(url, location, link_hosts(_HOSTS))
        except RefusedError:
            refused += 1
        else:
            assert target.scheme == "https"
            assert target.host
            sent += 1
    assert sent + refused == mutations.MOST
    assert min(sent, refused) > mutations.MOST / 20
    print(f"Location: {mutations.MOST} mutations, {refused} refused")


def _host(link: str) -> str | None:
    try:
        return URL(link).host
    except ValueError:
        return None
