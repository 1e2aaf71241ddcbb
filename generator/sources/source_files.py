"""The files that a request names, as paths: what is given by a link is there for as long as needed.

Knows nothing of what the bytes are, and of links only that they are fetched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from generator.contract.links import AllowsAddress, is_link, is_public
from generator.contract.messages import Request
from generator.contract.paths import existing_path


class FetchedFile(AbstractContextManager[Path]):
    """A path for a source given by path or link; what was fetched is deleted on leaving.

    Not for use inside a running event loop: it waits. Raises what
    ``generator.sources.fetch.fetch`` raises.
    """

    def __init__(self, source: str, *, allows: AllowsAddress = is_public) -> None:
        self._source, self._allows = source, allows
        self._directory: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Path:
        if not is_link(self._source):
            return existing_path(self._source) or Path(self._source)
        from generator.sources.fetch import fetch  # aiohttp, and only links need it

        data = asyncio.run(fetch(self._source, allows=self._allows))
        self._directory = TemporaryDirectory(prefix="hotshot-")
        path = Path(self._directory.name) / "source"
        path.write_bytes(data)
        return path

    def __exit__(self, *_: object) -> None:
        if self._directory is not None:
            self._directory.cleanup()


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files that a request names: what is to be followed, and what to begin from.

    A path means nothing where the request asks for no such file.
    """

    control: Path
    image: Path


@contextmanager
def fetch_sources(request: Request) -> Iterator[SourceFiles]:
    """Yield the files that a request names by path or link; what was fetched is deleted on leaving.

    Raises what ``fetch`` raises.
    """
    with FetchedFile(request.control_source) as control, FetchedFile(request.image) as image:
        yield SourceFiles(control, image)
