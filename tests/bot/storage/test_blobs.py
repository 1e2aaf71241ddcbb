"""The blob store: one copy by hash, whole or not at all, and no path that somebody else chose."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from bot.core.errors import StorageError
from bot.storage.blobs import BlobStore

NAME = f"{0:064}.gif"


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def test_the_same_bytes_are_kept_once(blobs: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "made.GIF").write_bytes(b"frames")
    first = blobs.put(b"frames", ".gif")
    assert blobs.adopt(tmp_path / "made.GIF") == first
    assert not (tmp_path / "made.GIF").exists()
    assert blobs.path(first).read_bytes() == b"frames"
    [kept] = blobs
    assert (kept.name, kept.size_bytes) == (first, 6)
    assert blobs.put(b"others", ".gif") != first


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", f"{0:064}/x", f"{0:064}.g/f", "x"])
def test_a_name_that_is_none_is_no_path(blobs: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="no blob's name"):
        blobs.path(name)


def gone(blobs: BlobStore, *names: str) -> set[str]:
    """How many of them are removed, where no row names any."""
    return blobs.remove_marked(blobs.mark(names))


def test_what_comes_again_is_young_again(blobs: BlobStore) -> None:
    name = blobs.put(b"x", ".gif")
    os.utime(blobs.path(name), (0, 0))
    blobs.put(b"x", ".gif")
    [kept] = blobs
    assert time.time() - kept.modified_at < 60


def test_what_is_kept_while_it_is_held_stays_until_the_end(blobs: BlobStore) -> None:
    before = blobs.put(b"before", ".gif")
    with blobs.pinned() as names:
        name = blobs.put(b"x", ".gif")
        with blobs.pinned():
            assert blobs.put(b"x", ".gif") == name
        assert gone(blobs, name, before) == {before}
        assert names == {name}
        assert blobs.path(name).exists()
    assert gone(blobs, name) == {name}
    assert gone(blobs, name) == set()
    assert list(blobs) == []


def test_what_comes_again_between_the_look_and_the_removal_stays(blobs: BlobStore) -> None:
    name = blobs.put(b"x", ".gif")
    marked = blobs.mark([name])
    with blobs.pinned():
        blobs.put(b"x", ".gif")
    assert blobs.remove_marked(marked) == set()
    assert blobs.path(name).exists()


def test_what_a_thread_keeps_is_held_by_who_started_it(blobs: BlobStore) -> None:
    async def work() -> None:
        with blobs.pinned() as names:
            name = await asyncio.to_thread(blobs.put, b"x", ".gif")
            assert names == {name}
            assert gone(blobs, name) == set()
        assert gone(blobs, name) == {name}

    asyncio.run(work())


def test_a_disk_that_takes_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file stands in the way")
    with pytest.raises(StorageError, match="nothing was accepted"):
        blobs.put(b"x")
    with pytest.raises(StorageError, match="no such file"):
        BlobStore(tmp_path / "others").adopt(tmp_path / "gone.gif")


def test_what_a_killed_bot_left_half_written_is_swept(blobs: BlobStore) -> None:
    name = blobs.put(b"x", ".gif")
    old, young = (blobs.path(name).with_name(f"{each}.part") for each in ("old", "young"))
    for part in (old, young):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    assert [blob.name for blob in blobs] == [name]
    blobs.sweep()
    assert (old.exists(), young.exists()) == (False, True)
