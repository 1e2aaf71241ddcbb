"""What an engine does of a request ahead changes nothing of what it makes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch

from generator.annotators.condition_images import ConditionImages
from generator.contract.errors import MediaError
from generator.contract.limits import ModelLimits
from generator.contract.messages import Control, Lora, Request
from generator.inference.hotshot_engine import HotshotEngine
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.encoded_prompts import EncodedPrompts
from generator.inference.stages.encoding import encode_prompt
from generator.media.clip import Clip
from generator.media.save import save
from generator.model.conditioning import Conditioning
from generator.model.loading import HotshotModel
from generator.recipes.recipe import ModelSettings
from generator.worker.engine import PreparingEngine
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.media.pictures import moving_ball
from tests.generator.small_model import CONTROLNET, LORA, small_model

MADE = Path("made.gif")
PLAIN = replace(QUICK, steps=1)


@dataclass
class Encodings:
    """Encodes, and notes on which threads."""

    threads: list[str] = field(default_factory=list)

    def encode(self, model: HotshotModel, request: Request) -> Conditioning:
        self.threads.append(threading.current_thread().name.partition("_")[0])
        return encode_prompt(model, request)


@pytest.fixture
def encodings() -> Encodings:
    return Encodings()


@pytest.fixture
def engine(small: HotshotModel, encodings: Encodings) -> Iterator[HotshotEngine]:
    small.loras.remove()
    yield HotshotEngine(
        pipeline=HotshotPipeline(small, prompts=EncodedPrompts(encodings.encode)),
        limits=ModelLimits.of(str(small_model())),
        setup=ModelSettings(model=str(small_model())),
        condition_images=ConditionImages(),
    )
    small.loras.remove()


def frames(engine: HotshotEngine, request: Request) -> bytes:
    return bytes(engine.generate(request, MADE, lambda *_: None).frames)


def prepare(engine: HotshotEngine, request: Request) -> None:
    engine.prepare(request)
    engine.ahead.executor.submit(int).result()  # once that is through, all before it is


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "source.gif"
    save(Clip(moving_ball(QUICK.video_length, QUICK.width, QUICK.height), 500), path)
    return str(path)


def test_a_prompt_that_was_encoded_ahead_isn_t_encoded_again(
    engine: HotshotEngine, encodings: Encodings
) -> None:
    assert isinstance(engine, PreparingEngine)
    wanted = frames(engine, PLAIN)
    prepare(engine, PLAIN)
    assert frames(engine, PLAIN) == wanted
    assert encodings.threads == ["MainThread", "ahead"]
    assert frames(engine, PLAIN) == wanted  # and it is used up
    assert encodings.threads[2:] == ["MainThread"]


@pytest.mark.slow
def test_what_is_shown_is_read_ahead(engine: HotshotEngine, source: str, tmp_path: Path) -> None:
    controls = (Control(str(CONTROLNET), annotator="canny"),)
    asked = replace(PLAIN, controls=controls, control_source=source, image=source, steps=2)
    wanted = frames(engine, asked)
    prepare(engine, replace(asked, seed=asked.seed + 1))  # of several seeds, one is prepared
    (tmp_path / "source.gif").write_bytes(b"that nobody reads again")
    assert frames(engine, asked) == wanted


def test_with_other_loras_than_now_only_their_files_are_read(
    engine: HotshotEngine, encodings: Encodings, tmp_path: Path
) -> None:
    lora = tmp_path / "of its own.safetensors"
    lora.write_bytes(LORA.read_bytes())
    asked = replace(PLAIN, loras=(Lora(str(lora)),))
    prepare(engine, asked)
    assert lora in engine.pipeline.model.loras.in_memory
    assert encodings.threads == []
    wanted = frames(engine, asked)
    prepare(engine, asked)
    assert frames(engine, asked) == wanted
    assert encodings.threads == ["MainThread", "ahead"]
    prepare(engine, asked)  # and when another has changed the weights, what was encoded is no use
    frames(engine, PLAIN)
    assert frames(engine, asked) == wanted


def test_what_was_prepared_and_never_comes_is_dropped(engine: HotshotEngine) -> None:
    wanted = frames(engine, PLAIN)
    prepare(engine, replace(PLAIN, prompt="something else"))
    assert frames(engine, PLAIN) == wanted


def test_a_source_that_can_t_be_read_is_told_in_its_turn(
    engine: HotshotEngine, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.gif"
    damaged.write_bytes(b"GIF89a and no more")
    prepare(engine, replace(PLAIN, image=str(damaged)))
    with pytest.raises(MediaError, match="The image can't be used"):
        frames(engine, replace(PLAIN, image=str(damaged)))


def test_in_another_precision_it_is_encoded_again(
    small: HotshotModel, encodings: Encodings
) -> None:
    prompts = EncodedPrompts(encodings.encode)
    prompts.encode_ahead(small, PLAIN)
    with torch.inference_mode():
        prompts.conditioning(replace(small, dtype=torch.float16), PLAIN)
    assert len(encodings.threads) == 2


def test_nothing_is_encoded_while_weights_change(small: HotshotModel, encodings: Encodings) -> None:
    prompts = EncodedPrompts(encodings.encode)
    encoding = threading.Thread(target=prompts.encode_ahead, args=(small, PLAIN), name="ahead_")
    with prompts.lock:
        encoding.start()
        encoding.join(0.05)
        assert encodings.threads == []
    encoding.join()
    assert encodings.threads == ["ahead"]
