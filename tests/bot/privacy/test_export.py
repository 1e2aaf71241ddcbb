"""Exports: everything that is somebody's, in zip files that each open by themselves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from bot.commands.recipe_text import recipe_values
from bot.privacy.export import Entry, PartWriter, entries_of, write_parts
from bot.storage.blobs import BlobStore
from bot.storage.database import open_database
from tests.bot.privacy.planted import ADA, BOB, Planted

LIMIT = 40_000


def opened(part: Path, limit: int) -> dict[str, bytes]:
    assert part.stat().st_size <= limit
    with zipfile.ZipFile(part) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def exported(
    directory: Path, user_id: int, limit: int, total: int = 2**40
) -> dict[str, bytes]:
    planted, blobs = Planted(), BlobStore(directory / "blobs")
    parts = directory / "parts"
    parts.mkdir()
    found: dict[str, bytes] = {}
    async with open_database(f"sqlite:///{directory / 'hotshot.db'}") as database:
        await planted.fill(database, blobs)
        entries = entries_of(database, blobs, user_id, read_me="what", recipe=recipe_values)
        async for part in write_parts(entries, PartWriter(parts, limit, total=total)):
            content = opened(part, limit)
            assert content
            assert not found.keys() & content.keys()
            found |= content
            part.unlink()
    assert list(parts.iterdir()) == []
    return found


async def test_all_that_is_hers_is_there_and_nothing_of_others(tmp_path: Path) -> None:
    planted = Planted()
    found = await exported(tmp_path, ADA, 2**40)
    whole = b"\n".join(found.values()).decode("utf-8", "replace")
    for kind in ("prompt", "caption", "trigger", "source", "report", "lora", "name", "title"):
        assert f"{kind}-{planted.word}" in whole, kind
    assert f"about-{planted.word}" not in whole, "what somebody reported of her is theirs"
    assert "token" not in whole
    assert f"prompt-{planted.other}" not in whole
    gifs = {name: data for name, data in found.items() if name.startswith("gifs/")}
    assert {name.rpartition(".")[2] for name in gifs} == {"gif", "json"}
    [recipe] = [json.loads(data) for name, data in gifs.items() if name.endswith(".json")]
    assert recipe["prompt"].startswith(f"prompt-{planted.word}")
    assert sum(f"file-{planted.word}".encode() in data for data in found.values()) == 3
    assert {f"data/{name}-0001.json" for name in ("usage", "blocks", "drafts")} <= set(found)


async def test_who_has_nothing_gets_a_file_that_opens(tmp_path: Path) -> None:
    assert set(await exported(tmp_path, 5, 2**40)) == {"README.txt"}


async def test_parts_stay_below_the_limit_and_what_fits_into_none_is_named(tmp_path: Path) -> None:
    found = await exported(tmp_path, BOB, 3000)
    assert {name.partition("/")[0] for name in found} == {
        "README.txt",
        "data",
        "gifs",
        "sources",
    }
    writer = PartWriter(tmp_path, LIMIT, total=100_000)
    parts = [
        part
        for number in range(9)
        if (part := writer.add(Entry(f"{number}.bin", bytes([number]) * 15_000)))
    ]
    assert writer.add(Entry("large.bin", bytes(LIMIT))) is None
    last = writer.finish()
    assert last is not None
    names = [name for part in (*parts, last) for name in opened(part, LIMIT)]
    assert names == [f"{number}.bin" for number in range(6)]
    assert writer.progress.left_out == ["6.bin", "7.bin", "8.bin", "large.bin"]


def test_a_file_that_went_meanwhile_is_passed_over(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path, LIMIT, total=LIMIT)
    assert writer.add(Entry("a.gif", tmp_path / "gone.gif")) is None
    assert writer.finish() is None
