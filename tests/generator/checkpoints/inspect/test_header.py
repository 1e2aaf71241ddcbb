"""Headers: as large as the format allows them, and by the rules of the library that loads them."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open

from generator.checkpoints.inspect.header import read_header
from generator.checkpoints.inspect.lora_facts import facts_of
from generator.checkpoints.inspect.lora_file import read_lora
from generator.contract.errors import ModelError
from tests.generator.checkpoints.inspect.test_lora_facts import layer, write, write_raw

MEGABYTE = 1_000_000


def loads(path: Path) -> bool:
    """Whether the library reads it."""
    try:
        with safe_open(path, "np") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no dict
                opened.get_slice(name)
    except (SafetensorError, UnicodeError):
        return False
    return True


def refusal(path: Path) -> str | None:
    try:
        read_header(path)
    except ModelError as error:
        return str(error)
    return None


TENSOR = {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}
about = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F16", "F32", "BF16", "F8_E4M3", "F8_E5M2", "I64", "F12", 3]),
        "shape": st.sampled_from([[2, 2], [4], [], [0], [1, 0], [-1], "x", [2.0], [8]]),
        "data_offsets": st.sampled_from([[0, 8], [8, 16], [0, 4], [0, 0], [4, 2], [0], [0, 2**70]]),
        "more": st.just(1),
    },
)
names = st.one_of(
    st.sampled_from(["a", "b", "é", "\ud800z", "x\n@everyone\u202e", '"\\', "__metadata__"]),
    st.text(max_size=5),
)
metadata: st.SearchStrategy[Any] = st.one_of(
    st.dictionaries(names, st.one_of(st.text(max_size=5), st.integers(), st.just({}))), st.just(3)
)
headers = st.dictionaries(names, st.one_of(about, st.just(TENSOR), metadata), max_size=3)


@settings(max_examples=500, deadline=None)
@given(
    header=headers,
    body=st.sampled_from([0, 4, 8, 16, 17]),
    spaces=st.booleans(),
    end=st.sampled_from([b"", b" ", b"\n  ", b"x", b"}"]),
)
def test_what_is_accepted_the_library_loads(
    tmp_path_factory: pytest.TempPathFactory,
    header: dict[str, Any],
    body: int,
    spaces: bool,
    end: bytes,
) -> None:
    text = json.dumps(header, separators=None if spaces else (",", ":")).encode() + end
    path = write_raw(tmp_path_factory.mktemp("header") / "one.safetensors", text, body)
    sentence = refusal(path)
    assert loads(path) if sentence is None else sentence.isprintable()


@pytest.mark.parametrize("order", [("dtype", "shape", "data_offsets"), ("shape", "dtype")])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (",\n\t", ":\r\n")])
def test_whatever_way_it_is_written(
    tmp_path: Path, order: tuple[str, ...], separators: tuple[str, str]
) -> None:
    ordered = {name: TENSOR[name] for name in order} | TENSOR
    header = {"a": ordered, "é\\u00e9": {**TENSOR, "data_offsets": [8, 16]}}
    text = json.dumps(header, separators=separators).encode()
    path = write_raw(tmp_path / "one.safetensors", text + b" " * 7, 16)
    assert loads(path)
    found = read_header(path)
    assert found.shapes == dict.fromkeys(header, (2, 2))
    assert found.tensors["a"][:2] == ("F16", (2, 2))


@pytest.mark.slow
def test_metadata_of_any_length_is_stepped_over_and_never_held(tmp_path: Path) -> None:
    """kohya's trainer counts the tags of a large data set there."""
    tags = json.dumps({"1_booru": {f'a "tag" \\ {number}': number for number in range(600_000)}})
    said = {"modelspec.title": "Large", "ss_tag_frequency": tags, "modelspec.trigger_phrase": "lg"}
    path = write(tmp_path / "one.safetensors", layer(2048), **said)
    del tags, said
    assert path.stat().st_size > 20 * MEGABYTE
    tracemalloc.start()
    facts = facts_of(read_lora(path))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5 * MEGABYTE
    assert (facts.title, facts.trigger_words, facts.tags) == ("Large", ("lg",), ())


def test_the_tags_of_an_ordinary_data_set_are_still_told(tmp_path: Path) -> None:
    tags = json.dumps({"1_booru": {f"tag {number}": number + 1 for number in range(30_000)}})
    path = write(tmp_path / "one.safetensors", layer(2048), ss_tag_frequency=tags)
    assert path.stat().st_size > MEGABYTE / 2
    assert facts_of(read_lora(path)).tags[0] == "tag 29999"


@pytest.mark.slow
def test_a_great_many_tensors(tmp_path: Path) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    for number in range(20_000):
        shapes[f"lora_unet_x_{number}.lora_down.weight"] = (1, 4)
        shapes[f"lora_unet_x_{number}.lora_up.weight"] = (4, 1)
    facts = facts_of(read_lora(write(tmp_path / "one.safetensors", shapes)))
    assert (facts.layers, facts.ranks) == (20_000, (1,))
