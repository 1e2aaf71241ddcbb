"""Links, fetched from a real server on loopback, which only a test allows."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web

from generator.contract.errors import MediaError
from generator.contract.links import Address, is_link, is_public
from generator.sources.fetch import PrivateAddressError, fetch
from generator.sources.source_files import FetchedFile

BODY = b"GIF89a" * 1000


def only_127_0_0_1(address: Address) -> bool:
    return address == ip_address("127.0.0.1")


async def whole(_request: web.Request) -> web.Response:
    return web.Response(body=BODY, content_type="image/gif")


async def missing(_request: web.Request) -> web.Response:
    return web.Response(status=404)


async def packed(_request: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(b"\0" * 9_000_000), headers={"Content-Encoding": "gzip"})


async def endless(request: web.Request) -> web.StreamResponse:
    """Tells no length, and never stops."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"\0" * 65_536)


async def dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"\0")
        await asyncio.sleep(0.05)


async def redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound(request.query["to"])


async def circle(_request: web.Request) -> web.Response:
    raise web.HTTPFound("/circle")


@pytest.fixture
async def base() -> AsyncIterator[str]:
    """A server on every loopback address; gives its link by 127.0.0.1."""
    app = web.Application()
    for handler in (whole, missing, packed, endless, dripping, redirect, circle):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "0.0.0.0", 0)  # noqa: S104 - 127.0.0.2 must answer as well
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_a_file_comes_whole_and_through_redirects(base: str) -> None:
    assert await fetch(f"{base}/whole", allows=only_127_0_0_1) == BODY
    assert await fetch(f"{base}/redirect?to=/whole", allows=only_127_0_0_1) == BODY


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",  # noqa: S104
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[fd00::1]",
    ],
)
async def test_private_addresses_are_not_reached(host: str, base: str) -> None:
    port = base.rsplit(":", 1)[1]
    with pytest.raises(PrivateAddressError, match="private network address"):
        await fetch(f"http://{host}:{port}/whole", seconds=10)


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]"])
async def test_a_redirect_to_a_private_address(host: str, base: str) -> None:
    port = base.rsplit(":", 1)[1]
    with pytest.raises(PrivateAddressError):
        await fetch(f"{base}/redirect?to=http://{host}:{port}/whole", allows=only_127_0_0_1)


async def test_a_name_that_changes_its_mind(base: str) -> None:
    port = base.rsplit(":", 1)[1]
    allows = AllowsOnce()
    with pytest.raises(PrivateAddressError):
        await fetch(f"{base}/redirect?to=http://localhost:{port}/whole", allows=allows)
    assert allows.asked >= 2


class AllowsOnce:
    """As a name that resolves to another address the second time."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, address: Address) -> bool:
        self.asked += 1
        return self.asked == 1


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("missing", "answered the link with 404 Not Found"),
        ("packed", "compressed"),
        ("endless", "larger than 1 MiB"),
        ("dripping", "longer than 1.5 seconds"),
        ("circle", "in circles"),
        ("redirect?to=file:///etc/passwd", "away from http"),
    ],
)
async def test_what_goes_wrong_is_a_sentence(path: str, sentence: str, base: str) -> None:
    with pytest.raises(MediaError, match=sentence) as caught:
        await fetch(f"{base}/{path}", allows=only_127_0_0_1, max_bytes=1 << 20, seconds=1.5)
    assert "\n" not in str(caught.value)


async def test_a_size_that_is_told_is_believed(base: str) -> None:
    with pytest.raises(MediaError, match="larger than"):
        await fetch(f"{base}/whole", allows=only_127_0_0_1, max_bytes=100)


@pytest.mark.parametrize(
    "link",
    [
        "http://",
        "http:///x",
        "http://[::1",
        "http://[a]@/x",
        "http://a%3Ab:c@huggingface.co/x",
        "http://a:99999/",
        "http://2130706433/",
        "http://127.1/",
        "ftp://a/b",
    ],
)
async def test_no_link(link: str) -> None:
    with pytest.raises(MediaError, match="isn't a web address"):
        await fetch(link)


async def test_nobody_answers() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(MediaError, match=r"nothing answers at 127\.0\.0\.1"):
        await fetch(f"http://127.0.0.1:{port}/", allows=only_127_0_0_1)


def test_public_and_not() -> None:
    assert is_public(ip_address("1.1.1.1"))
    for private in ("127.0.0.1", "10.1.2.3", "169.254.1.1", "224.0.0.1", "100.64.0.1", "240.0.0.1"):
        assert not is_public(ip_address(private))


async def test_a_path_stays_and_a_link_becomes_a_file_for_a_while(
    base: str, tmp_path: Path
) -> None:
    assert not is_link("ball.gif")
    with FetchedFile(str(tmp_path)) as path:
        assert path == tmp_path

    seen: list[tuple[Path, bytes]] = []

    def waits() -> None:
        with FetchedFile(f"{base}/whole", allows=only_127_0_0_1) as fetched:
            seen.append((fetched, fetched.read_bytes()))

    thread = threading.Thread(target=waits)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert seen[0][1] == BODY
    assert not seen[0][0].exists()
