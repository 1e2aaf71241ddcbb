"""What travels between a bot and its workers: all of it survives, and what is strange is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.contract import wire
from generator.contract.errors import Failure, FailureKind, MessageError
from generator.contract.file_reference import FileReference
from generator.contract.messages import (
    Cancel,
    Cancelled,
    Capabilities,
    ChosenStage,
    Control,
    Failed,
    Finished,
    Generate,
    Lora,
    Message,
    Progress,
    Ready,
    Request,
    Shutdown,
    SlotFreed,
    Started,
    StartFailed,
)
from generator.contract.text import Text, plural

BLOB = FileReference("ab" * 32, ".gif")
REQUEST = Request(
    prompt="a 'red' ball\n🎈 ü",
    seed=2**64 - 1,
    width=512,
    height=256,
    steps=3,
    guidance_scale=5.0,
    negative_prompt="",
    loras=(Lora(BLOB.name, 0.5), Lora("somebody/ink")),
    controls=(Control("canny", end=0.5),),
    control_source=BLOB.name,
    stages=(ChosenStage("upscale", 0.4),),
)
FAILURE = Failure(
    FailureKind.DISK,
    Text("{what}: {size:.1f} MB", what=plural("1 file", "{count} files", 2), size=1.25),
    is_retryable=True,
)
CAPABILITIES = Capabilities(
    model="nano",
    device="cuda:0",
    dtype="float16",
    max_frames=24,
    max_pixels=512 * 512,
    stages=("upscale", "interpolate"),
)
MESSAGES: tuple[Message, ...] = (
    Generate("one", 2, REQUEST, ".gif"),
    Cancel("one", 2),
    Shutdown(),
    Ready(CAPABILITIES, 1.5),
    StartFailed(FAILURE),
    Started("one", 2),
    Progress("one", 2, "denoise", 1, 3, "one-2.preview-1.webp"),
    SlotFreed("one", 2),
    Finished("one", 2, BLOB, 12.5, 9_000_000),
    Failed("one", 2, FAILURE),
    Cancelled("one", 2),
    Generate("one", 2, REQUEST, ".gif", companions=1, has_waited=True),
    SlotFreed("one", 2, room=0),
)


def changed(message: Message, /, **values: Any) -> bytes:
    """A message as another version, or nobody at all, would write it."""
    return json.dumps(wire.to_dict(message) | values).encode()


def test_every_message_is_tried_here() -> None:
    assert {type(message) for message in MESSAGES} == set(get_args(Message))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    data = wire.encode(message)
    assert wire.decode(data) == message
    assert json.loads(data)["version"] == wire.WIRE_VERSION


@given(
    prompt=st.text(),
    seed=st.integers(0, 2**64 - 1),
    scale=st.floats(allow_nan=False, allow_infinity=False),
    names=st.lists(st.text(), max_size=3),
    stage=st.text(),
)
def test_any_request_comes_back_as_it_was(
    prompt: str, seed: int, scale: float, names: list[str], stage: str
) -> None:
    request = replace(
        REQUEST,
        prompt=prompt,
        seed=seed,
        guidance_scale=scale,
        loras=tuple(Lora(name, scale) for name in names),
        stages=(ChosenStage(stage),),
    )
    assert wire.decode(wire.encode(Generate("one", 1, request, ".gif"))) == Generate(
        "one", 1, request, ".gif"
    )


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_a_newer_side_says_beside_is_left_out(message: Message) -> None:
    assert wire.decode(changed(message, mood="good", since=[1, {"a": None}])) == message


@pytest.mark.parametrize("version", [0, 2, None, "1", "x" * 1000])
def test_another_version_is_refused_by_name(version: object) -> None:
    with pytest.raises(MessageError) as refused:
        wire.decode(changed(Shutdown(), version=version))
    assert f"messages of version {str(version)[:10]}" in str(refused.value)
    assert len(str(refused.value)) < 250
    assert refused.value.kind is FailureKind.VERSION


def test_an_unknown_message_is_refused_by_name() -> None:
    with pytest.raises(MessageError, match="There is no message 'paused' in this version"):
        wire.decode(changed(Shutdown(), message="paused"))


def test_what_a_message_lacks_is_named() -> None:
    with pytest.raises(MessageError) as refused:
        wire.decode(changed(Ready(CAPABILITIES, 1.0), message="started"))
    assert str(refused.value) == "A message can't be read (started: job_id is missing)."


def test_what_a_newer_worker_can_beside_is_named_and_not_used() -> None:
    can = wire.to_dict(Ready(CAPABILITIES, 1.0))["capabilities"] | {"sound": True}
    ready = wire.decode(changed(Ready(CAPABILITIES, 1.0), capabilities=can))
    assert ready == Ready(CAPABILITIES, 1.0)
    assert isinstance(ready, Ready)
    assert ready.capabilities.unknown == ("sound",)


def test_a_request_with_an_unknown_part_is_refused_with_its_job() -> None:
    """To leave it out would make something else."""
    message = Generate("one", 2, REQUEST, ".gif")
    with pytest.raises(wire.UnreadableRequestError, match=r"request \(smell\)") as refused:
        wire.decode(changed(message, request=REQUEST.to_dict() | {"smell": "roses"}))
    assert (refused.value.job_id, refused.value.attempt) == ("one", 2)
    assert refused.value.kind is FailureKind.BAD_REQUEST


def test_a_kind_of_failure_that_only_a_newer_worker_knows_keeps_its_sentence() -> None:
    failure = {"kind": "melted", "text": Text("It is warm.").to_dict(), "is_retryable": False}
    failed = wire.decode(changed(Failed("one", 2, FAILURE), failure=failure))
    assert failed == Failed("one", 2, Failure(FailureKind.INTERNAL, Text("It is warm.")))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b'{"version": 1}',
        b"[" * 100_000,
        changed(Started("one", 2), job_id=3),
        changed(Started("one", 2), attempt=True),
        changed(Started("one", 2), attempt="2"),
        changed(MESSAGES[8], seconds="1"),
        changed(MESSAGES[8], output={"sha256": "../" * 20, "suffix": ""}),
        changed(MESSAGES[8], output={"sha256": "ab" * 32, "suffix": ".gif/../x"}),
        changed(MESSAGES[8], output="ab" * 32),
        changed(MESSAGES[3], capabilities={"model": "nano"}),
        changed(MESSAGES[3], capabilities=CAPABILITIES.stages),
        changed(MESSAGES[9], failure={"kind": "disk"}),
        changed(MESSAGES[9], failure={"kind": 1, "text": {}, "is_retryable": True}),
        changed(MESSAGES[9], failure={"kind": "disk", "text": {}, "is_retryable": True}),
    ],
)
def test_nonsense_is_one_kind_of_error(data: bytes) -> None:
    with pytest.raises(MessageError):
        wire.decode(data)


def test_files_are_named_by_hash_and_have_paths_on_each_side(tmp_path: Path) -> None:
    assert REQUEST.files == (BLOB,)
    placed = REQUEST.with_files_at(lambda reference: reference.path_in(tmp_path))
    path = str(tmp_path / "ab" / BLOB.name)
    assert placed.loras == (Lora(path, 0.5), Lora("somebody/ink"))
    assert (placed.control_source, placed.image, placed.files) == (path, "", ())


@pytest.mark.parametrize("name", ["", "nano", "ab" * 31, f"{'ab' * 32}/x", f"../{'ab' * 32}"])
def test_other_names_are_no_references(name: str) -> None:
    assert FileReference.parse(name) is None
