"""Files on a GPU host: whole or not there, bounded, pinned in use, and kept over a restart."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from generator.contract.file_reference import FileReference
from generator.host.cache import CacheFullError, DamagedFileError, FileCache


def opened(directory: Path, most: int = 100) -> FileCache:
    cache = FileCache(directory, most)
    cache.open()
    return cache


def named(data: bytes) -> FileReference:
    return FileReference(hashlib.sha256(data).hexdigest(), ".safetensors")


def put(cache: FileCache, data: bytes) -> FileReference:
    reference = named(data)
    part = cache.part(reference, len(data))
    part.write_bytes(data)
    cache.check(reference, part)
    cache.take(reference, part)
    cache.drop_part(reference)
    return reference


def test_who_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    first, second = put(cache, b"a" * 40), put(cache, b"b" * 40)
    assert cache.use(first)
    third = put(cache, b"c" * 40)
    assert [cache.use(each) for each in (first, second, third)] == [True, False, True]
    assert cache.held == 80


def test_what_a_job_uses_stays(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    first, second = put(cache, b"a" * 40), put(cache, b"b" * 40)
    with cache.pinned((first, second)), cache.pinned((first,)):
        with pytest.raises(CacheFullError, match="doesn't fit into the cache"):
            cache.part(named(b"c" * 40), 40)
        assert cache.use(first)
    third = put(cache, b"c" * 40)
    assert cache.use(third)
    assert cache.held == 80


def test_a_file_larger_than_the_cache_is_a_sentence_and_costs_nothing(tmp_path: Path) -> None:
    cache = opened(tmp_path, most=10**8)
    kept = put(cache, b"a")
    with pytest.raises(CacheFullError, match=r"A file of 200 MB .* which is 100 MB"):
        cache.part(named(b"b"), 2 * 10**8)
    assert cache.use(kept)


def test_files_on_their_way_have_their_room(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    first = put(cache, b"a" * 40)
    cache.part(named(b"b" * 60), 60)
    cache.part(named(b"c" * 40), 40)
    assert not cache.use(first)
    with pytest.raises(CacheFullError):
        cache.part(named(b"d"), 1)
    cache.drop_part(named(b"b" * 60))
    cache.part(named(b"d"), 1)


def test_a_restart_keeps_whole_files_and_drops_halves(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    older, newer = put(cache, b"a" * 40), put(cache, b"b" * 40)
    cache.part(named(b"c"), 1).write_bytes(b"half")
    stranger = cache.files / "aa" / "notes.txt"
    stranger.parent.mkdir(exist_ok=True)
    stranger.write_text("somebody's")
    again = opened(tmp_path, most=50)  # and with less room than before
    assert [again.use(each) for each in (older, newer)] == [False, True]
    assert list((tmp_path / "parts").iterdir()) == []
    assert stranger.exists()


def test_a_damaged_file_is_never_served(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    reference = named(b"whole")
    part = cache.part(reference, 5)
    part.write_bytes(b"holey")
    with pytest.raises(DamagedFileError):
        cache.check(reference, part)
    assert not cache.use(reference)


def test_a_file_that_somebody_deleted_is_fetched_again(tmp_path: Path) -> None:
    cache = opened(tmp_path)
    reference = put(cache, b"a" * 40)
    reference.path_in(cache.files).unlink()
    assert not cache.use(reference)
    assert cache.held == 0
