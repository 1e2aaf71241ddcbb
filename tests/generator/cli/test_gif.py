"""``hotshot gif`` as somebody types it: in this process for the bulk, as a real command where the
process itself is the point."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from generator.__main__ import main
from generator.cli.parsing import with_dashes
from tests.generator.media.pictures import read_back
from tests.patience import PATIENCE

TINY = Path(__file__).parents[2] / "data" / "reference" / "tiny"
SMALL = ("--width", "64", "--height", "64", "--steps", "2", "--video-length", "3")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

Text = Sequence[str]


def words(output: Path, *more: str, model: Path | str = TINY) -> list[str]:
    prompt = ("--prompt", "a red ball", "--output", str(output))
    return ["gif", *prompt, "--pretrained-path", str(model), *more]


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Text], str]:
    """Runs a command line that must be refused; gives the one line it was refused with."""

    def run(line: Text) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert main(line) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert re.match(r"hotshot( gif| inspect| model fetch)?: ", said.err)
        assert "Traceback" not in said.err
        assert sorted(tmp_path.rglob("*")) == before
        return said.err.strip()

    return run


README_FLAGS = (
    *("--prompt", "--negative-prompt", "--output", "--seed", "--steps", "--width", "--height"),
    *("--target-width", "--target-height", "--og-width", "--og-height", "--video-length"),
    *("--video-duration", "--scheduler", "--spatial-unet-base", "--lora", "--control-type"),
    *("--gif", "--controlnet-conditioning-scale", "--control-guidance-start"),
    *("--control-guidance-end", "--precision", "--low-vram-mode", "--pretrained-path"),
    *("--xformers", "--control-annotator", "--guidance-scale"),
)

BAD_FLAGS = [
    (("--prompt", ""), "prompt is empty"),
    (("--prompt", " \t\n"), "prompt is empty"),
    (("--prompt", "x" * 5000), "5,000 characters"),
    (("--negative-prompt", "x" * 5000), "5,000 characters"),
    *((("--width", size), "width must be from 32 to 512") for size in ("7", "0", "-1", "100000")),
    (("--height", "0"), "height must be from"),
    (("--width", "100"), "multiple of 8"),
    (("--width", "512", "--height", "512"), "too large"),
    (("--og-width", "0"), "original size's width"),
    (("--target_height", "-5"), "target size's height"),
    *((("--video-length", count), "frames must be from 1 to 256") for count in ("0", "1000", "-1")),
    *((("--video_duration", ms), "duration in milliseconds") for ms in ("0", "-1", "9999999")),
    *((("--steps", steps), "steps must be from 1 to") for steps in ("0", "10000", "-3")),
    *((("--seed", seed), "seed must be from 0 to") for seed in ("-1", str(2**64))),
    *((("--guidance-scale", scale), "guidance scale must be") for scale in ("-1", "99", "nan")),
    (("--guidance_rescale", "1.5"), "guidance rescale"),
    (("--scheduler", "karras"), "no scheduler 'karras'"),
    (("--seed", "one"), "--seed: 'one' is not a whole number"),
    (("--seed", "9" * 5000), "--seed: "),
    (("--steps", "2.5"), "--steps: '2.5' is not a whole number"),
    (("--guidance-scale", "strong"), "'strong' is not a number"),
    (("--precision", "f8"), "--precision: invalid choice"),
    (("--device", "toaster"), "isn't a device"),
    (("--spatial-unet-base", "/no/such/base"), "/no/such/base"),
    (("--spatial-unet-base", "/no/base", "--unet-only"), "/no/base"),
    (("--max-bytes", "0"), "most bytes must be 1 or more"),
    (("--guidance-start", "0.8", "--guidance-end", "0.2"), "must not end (0.2) before"),
    (("--guidance-end", "nan"), "The guidance end must be"),
    (("--prompt", "a (ball:9)"), "weight of 'ball'"),
    (("--control-type", "canny"), "needs a GIF to follow"),
    (("--controlnet-conditioning-scale", "1"), "no control type"),
    (("--control-annotator", "magic"), "invalid choice: 'magic'"),
    (("--control-preview", "seen.gif"), "no control type to preview"),
    *(
        (("--control-type", "canny", "--gif", "dancer.gif", *flags), sentence)
        for flags, sentence in (
            (("--controlnet-conditioning-scale", "nan"), "conditioning scale must be"),
            (("--controlnet-conditioning-scale", "99"), "conditioning scale must be"),
            (("--control-guidance-start", "-1"), "start must be from 0 to 1"),
            (("--control-guidance-start", "0.9", "--control-guidance-end", "0.1"), "must not end"),
            (
                ("--control-guidance-end", "1", "--control-guidance-end", "1"),
                "1 control types and 2",
            ),
            (("--control-preview", "seen.bmp"), "must be one of .gif"),
        )
    ),
    (("--lora", "look.safetensors:nan"), "strength of look.safetensors must be"),
    (("--lora", "look.safetensors:strong"), "'strong' is not a number"),
    (("--lora", ":1"), "A LoRA's name is empty"),
    (("--lora", "look:99"), "strength of look must be"),
    (("--from", "/no/such/ball.gif"), "/no/such/ball.gif can't be read"),
    (("--sed", "1"), "unrecognized arguments: --sed 1"),
    (("--width",), "expected one argument"),
]


@pytest.mark.parametrize(("flags", "sentence"), BAD_FLAGS)
def test_bad_input_is_one_line_and_writes_nothing(
    flags: tuple[str, ...], sentence: str, tmp_path: Path, refused: Callable[[Text], str]
) -> None:
    assert sentence in refused(words(tmp_path / "ball.gif", *flags))


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("ball.bmp", "must be one of .gif"),
        ("ball", "must be one of .gif"),
        ("", "must be one of .gif"),
        ("/proc/ball.gif", "can't be written"),
        ("/proc/self/missing/ball.gif", "can't be written"),
    ],
)
def test_a_bad_output_is_one_line(
    output: str, sentence: str, tmp_path: Path, refused: Callable[[Text], str]
) -> None:
    assert sentence in refused(words(tmp_path / output if output else Path()))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ([], "required: COMMAND; see hotshot --help"),
        (["gof"], "invalid choice: 'gof' (do you mean gif?)"),
        (["xyz"], "invalid choice: 'xyz' (choose from "),
        (["gif"], "required: --prompt, --output; see hotshot gif --help"),
        (["gif", "--sed", "1"], "--sed 1 (do you mean --seed?); see hotshot gif --help"),
        (["gif", "--promt=a long red ball"], "(do you mean --prompt?); see hotshot gif --help"),
        (["gif", "stray", "--outptu", "x.gif"], "(do you mean --output?)"),
        (["model", "fetch", "a/b", "--hlaf"], "(do you mean --half?); see hotshot model fetch"),
        (["inspect", "a", "b"], "unrecognized arguments: b; see hotshot inspect --help"),
    ],
)
def test_a_line_that_makes_no_sense_points_at_help(
    line: list[str], sentence: str, refused: Callable[[Text], str]
) -> None:
    assert sentence in refused(line)


def test_a_missing_or_broken_model_is_one_line(
    tmp_path: Path, refused: Callable[[Text], str]
) -> None:
    output = tmp_path / "ball.gif"
    assert "no model directory at" in refused(words(output, model=tmp_path / "missing"))
    (tmp_path / "empty").mkdir()
    assert "unet/config.json is missing" in refused(words(output, model=tmp_path / "empty"))

    truncated = shutil.copytree(TINY, tmp_path / "cut off")
    weights = truncated / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    assert str(weights) in refused(words(output, *SMALL, model=truncated))

    other = shutil.copytree(TINY, tmp_path / "other")
    config = other / "unet" / "config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps({**values, "_class_name": "UNet2DConditionModel"}))
    assert "no temporal layers" in refused(words(output, *SMALL, model=other))

    config.write_text('{"sample_size": ')
    assert str(config) in refused(words(output, *SMALL, model=other))


def test_a_device_that_is_not_there_is_one_line(
    tmp_path: Path, refused: Callable[[Text], str]
) -> None:
    line = words(tmp_path / "ball.gif", *SMALL, "--device", "cuda:63")
    assert "no device 'cuda:63' here" in refused(line)


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for line in (["--version"], ["--help"], ["gif", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(line)
        assert caught.value.code == 0
    said = capsys.readouterr().out
    assert re.match(r"hotshot \d+\.\d+\.\d+\n", said)
    for flag in README_FLAGS:
        assert flag in said
    assert not re.search(r"--\w+_", said)


def test_underscores_are_dashes_in_flags_alone() -> None:
    line = ["gif", "--video_length=8", "--prompt=a_b", "x_y", "--og_width", "1_0", "--", "--a_b"]
    assert with_dashes(line) == [
        *("gif", "--video-length=8", "--prompt=a_b", "x_y", "--og-width", "1_0", "--", "--a_b")
    ]


@pytest.mark.slow
def test_the_same_seed_makes_the_same_file_and_another_spelling_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (tmp_path / name for name in ("1.png", "2.png", "3.png"))
    flags = (*SMALL, "--video_duration", "600", "--seed", "0")
    assert main(words(first, *flags, "--scheduler", "euler_a")) == 0
    said = capsys.readouterr().out
    assert str(first) in said
    assert "seed 0" in said
    assert main(words(second, *flags, "--scheduler", "EulerAncestralDiscreteScheduler")) == 0
    assert first.read_bytes() == second.read_bytes()
    seen = read_back(first.read_bytes())
    assert seen.frames.shape == (3, 64, 64, 3)
    assert sum(seen.durations) == 600
    assert main(words(third, *flags, "--seed", "1")) == 0
    assert not np.array_equal(read_back(third.read_bytes()).frames, seen.frames)


@pytest.mark.slow
def test_a_drawn_seed_is_told_and_makes_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(tmp_path / "1.png", *SMALL)) == 0
    seed = re.search(r"seed (\d+)", capsys.readouterr().out)
    assert seed
    assert main(words(tmp_path / "2.png", *SMALL, "--seed", seed[1])) == 0
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


@pytest.mark.slow
def test_a_jpg_is_one_frame_of_the_model_s_own_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "ball.jpg"
    assert main(words(output, "--steps", "1")) == 0
    assert read_back(output.read_bytes()).frames.shape == (1, 128, 128, 3)
    assert "one picture of 128 x 128" in capsys.readouterr().out
    assert main(words(output, *SMALL, "--video-length", "2")) == 0
    assert "the first of 2 frames of" in capsys.readouterr().out


# -- real processes --------------------------------------------------------------------------------


def command(*line: str) -> list[str]:
    return [sys.executable, "-m", "generator", *line]


def test_the_command_makes_a_gif(tmp_path: Path) -> None:
    output = tmp_path / "ball.gif"
    line = words(output, *SMALL, "--spatial_unet_base", str(TINY / "unet"), "--precision=f32")
    done = subprocess.run(
        command(*line),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=ENVIRONMENT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert str(output) in done.stdout
    assert len(read_back(output.read_bytes()).frames) == 3


def test_mistakes_are_answered_without_torch(tmp_path: Path) -> None:
    lines = [words(tmp_path / "ball.gif", *flags) for flags, _ in BAD_FLAGS] + [
        words(tmp_path / "ball.bmp"),
        words(tmp_path / "b.gif", model="/no/such/model"),
        ["gif"],
    ]
    script = (
        "import json, sys; from generator.__main__ import main\n"
        "codes = [main(line) for line in json.load(sys.stdin)]\n"
        "heavy = [name for name in ('torch', 'numpy', 'diffusers') if name in sys.modules]\n"
        "print(set(codes), heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "{2} []\n"
    assert done.stderr.count("\n") == len(lines)


@pytest.mark.slow
def test_ctrl_c_is_one_line_and_130(tmp_path: Path) -> None:
    line = words(tmp_path / "ball.gif", "--steps", "150", "--verbose")
    with subprocess.Popen(
        command(*line), stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stderr is not None
        for said in process.stderr:
            if "Using cpu" in said:  # torch is there, the model is being loaded
                break
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)  # somebody presses it again, and again at the end
        rest = []
        for said in process.stderr:
            rest.append(said)
            if "stopped" in said:
                process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 130
    assert rest[-1] == "hotshot gif: stopped; nothing was written.\n"
    assert "Traceback" not in "".join(rest)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("becomes", ["KeyboardInterrupt", "ModelError"])
def test_ctrl_c_inside_a_library_is_130_as_well(becomes: str, tmp_path: Path) -> None:
    """Dataclasses run texts while modules are imported, and loaders make sentences of errors."""
    (tmp_path / "interrupted.py").write_text(
        "import signal, sys; from generator import __main__ as program\n"
        "from generator.contract.errors import ModelError\n"
        "def interrupted(arguments):\n"
        "    try: exec('signal.raise_signal(signal.SIGINT)')\n"
        "    except BaseException as error:\n"
        "        if sys.argv[1] == 'ModelError': raise ModelError('No such model.') from error\n"
        "        raise\n"
        "program.inspect.run = interrupted\n"
        "sys.exit(program.main(['inspect', 'ball.gif']))"
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupted", becomes],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=tmp_path,
        env={**ENVIRONMENT, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    told = "hotshot inspect: stopped; nothing was written.\n"
    assert (done.returncode, done.stderr) == (130, told)


@pytest.mark.slow
def test_a_terminal_sees_a_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with ThreadPoolExecutor(1) as executor:  # a terminal that nobody reads makes its writers wait
        read = executor.submit(read_terminal, ours)
        with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            assert main(words(tmp_path / "ball.gif", *SMALL)) == 0
        seen = read.result()
    assert "Loading" in seen
    assert re.search(r"denoise .* 2/2", seen)


def read_terminal(terminal: int) -> str:
    """Everything, until the other side hangs up."""
    seen = b""
    deadline = time.monotonic() + PATIENCE
    while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # how a pseudo-terminal says EOF
            break
    os.close(terminal)
    return seen.decode(errors="replace")
