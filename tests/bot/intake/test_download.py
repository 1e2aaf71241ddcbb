"""Fetching what somebody named: from known places alone, bounded in bytes and time."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from yarl import URL

from bot.core.errors import RefusedError
from bot.intake.download import AllowedHosts, attachment_hosts_of, download, link_hosts
from generator.contract.links import Address

BODY = b"x" * 100_000


def anywhere(address: Address) -> bool:
    return True


@pytest.fixture
async def site() -> AsyncIterator[URL]:
    async def file(request: web.Request) -> web.Response:
        return web.Response(body=BODY)

    async def packed(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"})

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(BODY)

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(BODY))})
        await response.prepare(request)
        await response.write(BODY[:10])
        assert request.transport is not None
        request.transport.close()
        return response

    async def away(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    app = web.Application()
    for name, handler in (
        ("file", file),
        ("packed", packed),
        ("broken", broken),
        ("endless", endless),
        ("slow", slow),
        ("away", away),
    ):
        app.router.add_get(f"/{name}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    server = web.TCPSite(runner, "127.0.0.1", 0)
    await server.start()
    yield URL(server.name).with_port(runner.addresses[0][1])
    await runner.cleanup()


async def refusal(url: object, places: AllowedHosts, into: Path, **values: float) -> str:
    limits = {"max_bytes": 200_000, "seconds": 5.0} | values
    with pytest.raises(RefusedError) as caught:
        await download(
            str(url),
            into,
            places,
            max_bytes=int(limits["max_bytes"]),
            seconds=limits["seconds"],
        )
    assert not await asyncio.to_thread(into.exists)
    assert str(caught.value).endswith(".")
    return str(caught.value)


def here(site: URL) -> AllowedHosts:
    return AllowedHosts(origin=site.origin(), allows=anywhere)


async def test_what_comes_is_counted_and_bounded(site: URL, tmp_path: Path) -> None:
    into = tmp_path / "file"
    size = await download(str(site / "file"), into, here(site), max_bytes=len(BODY), seconds=5)
    assert size == len(BODY)
    assert into.read_bytes() == BODY
    into.unlink()
    assert "larger than" in await refusal(site / "file", here(site), into, max_bytes=99_999)
    assert "larger than" in await refusal(site / "endless", here(site), into)
    assert "longer than 0.3 s" in await refusal(site / "slow", here(site), into, seconds=0.3)
    assert "sends the file compressed" in await refusal(site / "packed", here(site), into)
    assert "404" in await refusal(site / "nothing", here(site), into)


async def test_trouble_on_the_way_is_named(site: URL, tmp_path: Path) -> None:
    into = tmp_path / "file"
    nobody = URL("http://127.0.0.1:9/file")
    assert "(its server can't be reached)" in await refusal(nobody, here(nobody), into)
    assert "(the connection broke off)" in await refusal(site / "broken", here(site), into)


async def test_redirects_stay_where_they_may(site: URL, tmp_path: Path) -> None:
    into = tmp_path / "file"
    inside = (site / "away").with_query(to="http://169.254.169.254/latest")
    assert "another site" in await refusal(inside, here(site), into)
    follows = AllowedHosts(origin=site.origin(), follows_redirects=True, allows=anywhere)
    assert "another site" in await refusal(inside, follows, into)  # no https
    private = (site / "away").with_query(to="https://10.0.0.1/x")
    guarded = AllowedHosts(
        origin=site.origin(), follows_redirects=True, allows=lambda address: address.is_loopback
    )
    assert "private network" in await refusal(private, guarded, into)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "http://huggingface.co/x",
        "https://huggingface.co:22/x",
        "https://huggingface.co@127.0.0.1/x",
        "https://nothuggingface.co/x",
        "https://2130706433/x",
        "https://[::ffff:127.0.0.1]/x",
        "ftp://huggingface.co/x",
        "huggingface.co/x",
        "https://",
        "https://[",
        "https://[a]@/x",
        "https://a%3Ab:c@huggingface.co/x",
        "https://\N{GREEK SMALL LETTER ALPHA}:c@huggingface.co/x",
        "",
    ],
)
async def test_only_named_hosts_by_https(url: str, tmp_path: Path) -> None:
    await refusal(url, link_hosts(("huggingface.co",)), tmp_path / "file")


async def test_a_named_host_that_leads_home_is_refused(tmp_path: Path) -> None:
    """As a name server could: the name is allowed, the address behind it is not."""
    words = await refusal("https://localhost/x", link_hosts(("localhost",)), tmp_path / "file")
    assert "private network" in words


async def test_attachments_come_from_discord_alone(site: URL, tmp_path: Path) -> None:
    discord = attachment_hosts_of(URL("https://discord.com"), is_discord=True, is_local=False)
    for url in (site / "file", "https://discord.com/x", "https://cdn.discordapp.com.evil.org/x"):
        await refusal(url, discord, tmp_path / "file")
    foreign = attachment_hosts_of(site, is_discord=False, is_local=False)
    assert "private network" in await refusal(site / "file", foreign, tmp_path / "file")


async def test_a_stand_in_on_this_machine_may_keep_its_files_on_another_port(
    site: URL, tmp_path: Path
) -> None:
    into = tmp_path / "file"
    elsewhere = site.with_port(1)
    local = attachment_hosts_of(elsewhere, is_discord=False, is_local=True)
    assert await download(str(site / "file"), into, local, max_bytes=len(BODY), seconds=5)
    into.unlink()
    foreign = attachment_hosts_of(elsewhere, is_discord=False, is_local=False)
    assert "upload the file itself" in await refusal(site / "file", foreign, into)
