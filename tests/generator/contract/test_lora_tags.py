"""``<lora:name:0.8>`` in a prompt: taken out, and looked up by name, file name or hash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.contract.lora_tags import LoraTag, extract_tags, file_key, has_tags, hash_prefix


@pytest.mark.parametrize(
    ("prompt", "text", "tags"),
    [
        ("a cat", "a cat", ()),
        ("a cat <lora:pixel:0.8>", "a cat", (LoraTag("pixel", 0.8),)),
        ("<lora:Pixel Art_v2:-1>, a cat", "a cat", (LoraTag("Pixel Art_v2", -1.0),)),
        ("a <lora:x:1> cat", "a cat", (LoraTag("x", 1.0),)),
        ("a cat, <lora:x>, by night", "a cat, by night", (LoraTag("x", None),)),
        ("a cat<lora:x:.5:0.7>", "a cat", (LoraTag("x", 0.5),)),
        ("a cat <lora:x:0,8>", "a cat", (LoraTag("x", 0.8),)),
        ("a cat <lora:x:lbw=ALL:0.6>", "a cat", (LoraTag("x", 0.6),)),
        ("a cat <LYCO:x:much>", "a cat", (LoraTag("x", None),)),
        ("a <lora:x:1> <lora:X.safetensors:0.2>", "a", (LoraTag("x", 1.0),)),
        ("<lora:x:1>", "", (LoraTag("x", 1.0),)),
        ("a < b, <lora> <lora:> (<3:1.2)", "a < b, <lora> <lora:> (<3:1.2)", ()),
        ("two  spaces, stay", "two  spaces, stay", ()),
    ],
)
def test_tags_are_taken_out(prompt: str, text: str, tags: tuple[LoraTag, ...]) -> None:
    assert extract_tags(prompt) == (text, tags)
    assert has_tags(prompt) == bool(tags)


def test_names_of_files_are_compared_as_people_write_them() -> None:
    for name in ("Pixel_Art", "pixel art.safetensors", "loras/Pixel_Art", "c:\\x\\pixel_art"):
        assert file_key(name) == "pixel art"
    assert hash_prefix("4AA228546F") == "4aa228546f"
    assert hash_prefix("4aa22") is None
    assert hash_prefix("xyzxyzxyz") is None


@given(st.text(alphabet="<lora:x0.8>, ", max_size=60))
def test_no_tag_is_left(prompt: str) -> None:
    text, tags = extract_tags(prompt)
    if not tags:
        assert text == prompt
