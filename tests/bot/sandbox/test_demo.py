"""The demo, with the real bot as a process of its own and engines that need no model."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bot.sandbox.demo import DemoError, Plan, main, run


def plan(tmp_path: Path, engine: str) -> Plan:
    """A model by hub id: its limits are known without it, and the engines load nothing."""
    return Plan(
        prompt="a ball",
        output=tmp_path / "out" / "demo.gif",
        model="hotshotco/Hotshot-XL",
        generator=(("engine", f"tests.generator.engines.{engine}:create"),),
    )


def _process(said: str) -> int:
    """The bot's, from what the demo printed."""
    return int(said.partition("(process ")[2].partition(",")[0])


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_gif_is_made_and_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fast = plan(tmp_path, "fast")
    await run(fast)
    assert fast.output.read_text(encoding="utf-8") == "a ball"
    said = capsys.readouterr().out
    for line in (
        "The bot registered its commands: /gif",
        "You type /gif prompt: a ball",
        "The bot answered after ",
        f"The GIF is in {fast.output}",
        "The bot and the sandbox are stopped.",
    ):
        assert line in said
    assert not _is_alive(_process(said))


async def test_a_failure_of_the_generator_is_told(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"^The generator crashed twice"):
        await run(plan(tmp_path, "killed"))


async def test_an_interrupted_demo_leaves_nothing_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = asyncio.create_task(run(plan(tmp_path, "hangs")))
    said = ""
    while "The bot answered" not in said:
        await asyncio.sleep(0.02)
        said += capsys.readouterr().out
        assert not task.done()
    assert _is_alive(_process(said))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _is_alive(_process(said))


def test_a_bot_that_does_not_start_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, model = tmp_path / "demo.gif", tmp_path / "nothing"
    assert main(["--output", str(output), "--model", str(model)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"The demo failed: There is no model directory at {model}")
    assert error.count("\n") == 1
    assert not output.exists()


def test_an_output_that_can_not_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert main(["--output", str(tmp_path / "file" / "demo.gif")]) == 1
    error = capsys.readouterr().err
    assert "choose another --output" in error
    assert error.count("\n") == 1
