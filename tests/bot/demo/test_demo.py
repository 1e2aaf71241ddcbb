"""The demo, with the real bot as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import shutil
import signal
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from PIL import Image, ImageSequence

from bot.__main__ import main
from bot.demo.bot_process import DemoError
from bot.demo.run import Plan, run
from generator.nano import measure
from tests.bot.fork_server import ROOT
from tests.patience import PATIENCE
from tools.nano import evaluate

pytestmark = pytest.mark.slow

_PROMPT_SEED = random.randrange(10**6)


def plan(tmp_path: Path, engine: str, prompt: str = "a ball") -> Plan:
    """Return a plan with a model by hub id: its limits are known, and the engines load nothing."""
    return Plan(
        prompt=prompt,
        output=tmp_path / "out" / "demo.gif",
        model="hotshotco/Hotshot-XL",
        generator=(("engine", f"tests.{engine}:create"),),
    )


def with_earlier_files(plan: Plan) -> Plan:
    """Return ``plan``, with the files that an earlier demo left there."""
    plan.output.parent.mkdir()
    for path in (plan.output, plan.sheet):
        path.write_bytes(b"earlier")
    return plan


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the one sentence that a demo with these arguments ends with before it begins."""
    assert main(["demo", *arguments]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("The demo failed: ")
    assert said.err.count("\n") == 1
    assert "The bot starts" not in said.out
    return said.err


def _process(said: str) -> int:
    """Return the bot's process id, from what the demo printed."""
    return int(said.partition("(process ")[2].partition(",")[0])


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


# Drawn inside: what tests there are must be the same in each of the processes that share them.
@pytest.mark.parametrize("number", range(3))
async def test_nano_shows_what_a_drawn_prompt_asks_though_a_preview_comes_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    """nano misses one in thirty; that is told, and another prompt is drawn."""
    output = tmp_path / "demo.gif"
    engine = ("engine", "tests.bot.engines.unhurried:create")
    drawn = iter(list(evaluate.cases(9, _PROMPT_SEED))[number::3])
    for case in drawn:
        try:
            await run(Plan(prompt=case.prompt, output=output, generator=(engine,)))
        except DemoError as error:
            assert "isn't what was asked for" in str(error)  # noqa: PT017 - it is no must
        else:
            break
    said = capsys.readouterr().out
    assert "· with a preview" in said
    with Image.open(output, formats=("GIF",)) as picture:
        frames = np.stack(
            [np.asarray(one.convert("RGB")) for one in ImageSequence.Iterator(picture)]
        )
    assert len(frames) == 8
    seen = measure.measure_clip(frames)
    assert seen is not None
    wanted = case.attributes
    assert (seen.color, seen.shape, seen.motion, seen.background) == (
        wanted.color,
        wanted.shape,
        wanted.motion,
        wanted.background,
    )


async def test_a_gif_is_made_and_saved_with_a_sheet_of_its_frames_in_place_of_earlier_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draws = with_earlier_files(plan(tmp_path, "bot.engines.draws"))
    await run(draws)
    assert draws.output.read_bytes().startswith(b"GIF89a")
    sheet = tmp_path / "out" / "demo-frames.png"
    with Image.open(sheet, formats=("PNG",)) as picture:
        picture.load()
    said = capsys.readouterr().out
    for line in (
        "The bot registered its commands: /gif",
        "You type /gif prompt: a ball",
        "The bot answered after ",
        "It is a GIF of 8 frames, and it moves.",
        "The bot and the sandbox are stopped.",
        f"The GIF is in {draws.output}",
        f"Its frames, side by side, are in {sheet}.",
    ):
        assert line in said
    assert not _is_alive(_process(said))
    assert {path.name for path in draws.output.parent.iterdir()} == {
        "demo.gif",
        "demo-frames.png",
        "demo.log",
    }


async def test_a_failure_of_the_generator_is_told_and_an_earlier_gif_isn_t_taken_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = with_earlier_files(plan(tmp_path, "generator.engines.killed"))
    with pytest.raises(DemoError, match=r"^The generator crashed twice"):
        await run(killed)
    assert not killed.output.exists()
    assert not killed.sheet.exists()
    kept = killed.output.with_name("demo-earlier.gif")
    assert kept.read_bytes() == b"earlier"
    told = (
        f"{killed.output} is from an earlier demo, and is called {kept.name} until this one is done"
    )
    assert told in capsys.readouterr().out


async def test_a_file_that_is_no_gif_is_no_success(tmp_path: Path) -> None:
    fast = plan(tmp_path, "generator.engines.fast")
    with pytest.raises(DemoError, match="the bot posted a file that isn't a GIF"):
        await run(fast)
    assert not fast.output.exists()


async def test_a_gif_of_something_else_is_asked_for_again_and_then_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ("engine", "tests.bot.engines.draws:create")  # which shows one thing, always
    other = Plan(prompt="a green star", output=tmp_path / "demo.gif", generator=(engine,))
    with pytest.raises(DemoError, match=r"shows a red square, .* isn't what was asked for"):
        await run(other)
    assert capsys.readouterr().out.count("you press Again") == 2


async def test_an_interrupted_demo_leaves_nothing_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = asyncio.create_task(run(plan(tmp_path, "generator.engines.hangs")))
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


@pytest.mark.parametrize(
    ("stage", "second_after_s"),
    [
        *product(("", "The bot starts"), (None, 0.001, 0.05)),
        *(("A sandbox Discord", 0.05), ("The bot answered", None), ("The bot answered", 0.05)),
    ],
)
async def test_ctrl_c_ends_it_at_every_stage(
    tmp_path: Path, stage: str, second_after_s: float | None
) -> None:
    told_of_imports = [] if stage else ["-X", "importtime"]
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, *told_of_imports, "-m", "bot", "demo"),
        *("--output", str(tmp_path / "demo.gif")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    assert demo.stdout is not None
    assert demo.stderr is not None
    async with asyncio.timeout(PATIENCE):
        if stage:
            await _line_with(demo.stdout, stage)
        else:  # while the modules of the command are being imported
            await _line_with(demo.stderr, "bot.sandbox.errors")
        every = psutil.Process(demo.pid).children(recursive=True)
        os.killpg(demo.pid, signal.SIGINT)  # as a terminal does
        if second_after_s is not None:
            await asyncio.sleep(second_after_s)
            with contextlib.suppress(ProcessLookupError):  # the first one was enough already
                os.killpg(demo.pid, signal.SIGINT)
        _, said = await demo.communicate()
    assert demo.returncode == 130, said.decode()
    assert b"Traceback" not in said
    psutil.wait_procs(every, PATIENCE)  # a worker notices that its parent is gone
    assert not [one for one in every if one.is_running()]
    assert {one.name for one in tmp_path.iterdir()} <= {"demo.log"}  # noqa: ASYNC240


async def _line_with(stream: asyncio.StreamReader, words: str) -> None:
    while words not in (line := (await stream.readline()).decode()):
        assert line, "it ended before that"


def test_a_bot_that_does_not_start_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, model = tmp_path / "demo.gif", tmp_path / "nothing"
    assert main(["demo", "--output", str(output), "--model", str(model)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"The demo failed: There is no model directory at {model}")
    assert error.count("\n") == 1
    assert not output.exists()


def test_an_output_that_can_not_be_written_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    (tmp_path / "dir.gif").mkdir()
    for output in ("file/demo.gif", "file/in/demo.gif", "dir.gif"):
        said = refusal(capsys, "--output", str(tmp_path / output))
        assert "choose another place with --output" in said


def test_an_output_that_is_no_gif_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(capsys, "--output", str(tmp_path / "demo.webp"))
    assert "--output must end in .gif" in said
    assert list(tmp_path.iterdir()) == []


def test_a_second_demo_at_once_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "demo.log").write_text("the first one's", encoding="utf-8")
    with (tmp_path / "demo.log").open() as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        assert "Another demo is writing" in refusal(capsys, "--output", str(tmp_path / "demo.gif"))
    assert (tmp_path / "demo.log").read_text(encoding="utf-8") == "the first one's"


def test_a_full_disk_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(total=2**30, used=2**30 - 2**20, free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    said = refusal(capsys, "--output", str(tmp_path / "demo.gif"))
    assert f"The disk of {tmp_path} has 1 MB left" in said
    assert list(tmp_path.iterdir()) == []


def test_a_prompt_that_can_not_be_typed_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "demo.gif"
    assert main(["demo", "--output", str(output), "--prompt", "x" * 9000]) == 2
    assert "prompt takes" in capsys.readouterr().err
    assert not output.exists()
