"""What a LoRA file says of itself: read from its header, believed in nothing, without torch."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.checkpoints.inspect.header import MAX_HEADER, read_header
from generator.checkpoints.inspect.lora_facts import facts_of
from generator.checkpoints.inspect.lora_file import read_lora
from generator.contract.errors import ModelError

GOLDEN = Path(__file__).parents[3] / "data" / "reference" / "golden"


def write(path: Path, shapes: dict[str, tuple[int, ...]], **metadata: Any) -> Path:
    """A safetensors file of zeros, made by hand: tests of what is free of torch need none."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    end = 0
    for name, shape in shapes.items():
        size = 2
        for edge in shape:
            size *= edge
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    return write_raw(path, json.dumps(header).encode(), end)


def write_raw(path: Path, header: bytes, body: int = 0) -> Path:
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(body))
    return path


def layer(width: int, rank: int = 4, name: str = "attn2_to_k") -> dict[str, tuple[int, ...]]:
    """A kohya pair of a layer that listens to text ``width`` wide."""
    flat = f"lora_unet_input_blocks_4_1_transformer_blocks_0_{name}"
    return {
        f"{flat}.lora_down.weight": (rank, width),
        f"{flat}.lora_up.weight": (64, rank),
        f"{flat}.alpha": (),
    }


def two(name: str, inner: int, out: int) -> dict[str, tuple[int, ...]]:
    """A pair of rank 4."""
    return {f"{name}.lora_down.weight": (4, inner), f"{name}.lora_up.weight": (out, 4)}


# -- facts -----------------------------------------------------------------------------------------


def test_of_a_recorded_file() -> None:
    path = GOLDEN / "lora_kohya.safetensors"
    facts = facts_of(read_lora(path))
    assert facts.title == "lora_kohya"
    assert facts.format == "LoRA"
    assert facts.networks == ("unet",)
    assert facts.layers > 0
    assert all(rank > 0 for rank in facts.ranks)
    assert facts.size_bytes == path.stat().st_size
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert json.loads(json.dumps(facts.to_dict()))["sha256"] == facts.sha256


@pytest.mark.parametrize(
    ("width", "model"),
    [(768, "Stable Diffusion 1.x"), (1024, "Stable Diffusion 2.x"), (2048, "SDXL"), (99, None)],
)
def test_the_base_is_told_by_shapes(tmp_path: Path, width: int, model: str | None) -> None:
    facts = facts_of(read_lora(write(tmp_path / "one.safetensors", layer(width))))
    assert facts.base_model == model
    assert facts.ranks == (4,)


SDXL_ATTENTION = "down_blocks.2.attentions.1.transformer_blocks.9.attn1"


@pytest.mark.parametrize(
    ("shapes", "model"),
    [
        (two(f"unet.{SDXL_ATTENTION}.to_q", 1280, 1280), "SDXL"),
        (two("lora_unet_output_blocks_5_1_proj_in", 640, 640), "SDXL"),
        (two("lora_te2_text_model_encoder_layers_31_mlp_fc1", 1280, 5120), "SDXL"),
        (two("lora_te1_text_model_encoder_layers_11_self_attn_q_proj", 768, 768), "SDXL"),
        (two("text_encoders.clip_g.transformer.text_projection", 1280, 1280), "SDXL"),
        (two("lora_te_text_model_encoder_layers_0_mlp_fc1", 768, 3072), None),
        (
            {"lycoris_mid_block_attentions_0_transformer_blocks_0_attn2_to_v.diff": (9, 2048)},
            "SDXL",
        ),
        (
            {
                "lycoris_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lokr_w1": (8, 8),
                "lycoris_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lokr_w2": (
                    160,
                    256,
                ),
            },
            "SDXL",
        ),
        (
            two("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q", 320, 320),
            "Stable Diffusion 1.x or 2.x",
        ),
        (two("lora_unet_double_blocks_0_img_attn_proj", 3072, 3072), "Flux"),
        (two("transformer.single_transformer_blocks.0.attn.to_q", 3072, 3072), "Flux"),
        (two("lora_unet_joint_blocks_0_x_block_attn_proj", 1536, 1536), "Stable Diffusion 3"),
        (
            two("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k", 1280, 8),
            ("the refiner of SDXL"),
        ),
        (two("lora_unet_conv_in", 4, 32), None),
    ],
)
def test_the_base_is_told_without_metadata(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], model: str | None
) -> None:
    assert facts_of(read_lora(write(tmp_path / "one.safetensors", shapes))).base_model == model


def test_shapes_are_believed_before_words(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", layer(768), ss_base_model_version="sdxl_base_v1-0")
    assert facts_of(read_lora(path)).base_model == "Stable Diffusion 1.x"
    words = {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}
    silent = layer(8, name="attn1_to_q")
    path = write(tmp_path / "b.safetensors", silent, **words)
    assert facts_of(read_lora(path)).base_model == "SDXL"


def test_words_of_the_maker(tmp_path: Path) -> None:
    path = write(
        tmp_path / "one.safetensors",
        layer(2048),
        **{
            "modelspec.title": "  Pixel\x1b[31m art\n",
            "modelspec.trigger_phrase": "pixel art, 8bit, pixel art,",
            "ss_tag_frequency": json.dumps(
                {"1_a": {"cat": 3, "dog": 5, "x" * 500: 1}, "2_b": {"cat": 4, "bad": "many"}}
            ),
        },
    )
    facts = facts_of(read_lora(path))
    assert facts.title == "Pixel [31m art"
    assert facts.trigger_words == ("pixel art", "8bit")
    assert facts.tags[:2] == ("cat", "dog")
    assert all(len(tag) <= 120 for tag in facts.tags)


@pytest.mark.parametrize(
    ("roles", "format_"),
    [
        (("lora_down.weight", "lora_up.weight"), "LoRA"),
        (("lora_A.weight", "lora_B.weight"), "LoRA"),
        (("lora_A.weight", "lora_B.weight", "dora_scale"), "DoRA"),
        (("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"), "LoHa"),
        (("lokr_w1", "lokr_w2"), "LoKr"),
        (("diff",), "full difference"),
        (("diff_b",), "full difference"),
    ],
)
def test_formats(tmp_path: Path, roles: tuple[str, ...], format_: str) -> None:
    shapes: dict[str, tuple[int, ...]] = {f"lora_unet_conv_in.{role}": (4, 4) for role in roles}
    path = write(tmp_path / "one.safetensors", shapes)
    assert facts_of(read_lora(path)).format == format_


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["ss_tag_frequency", "modelspec.trigger_phrase", "trigger_words", "modelspec.title"]
        ),
        st.one_of(
            st.text(max_size=50),
            st.recursive(
                st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=5)),
                lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
            ).map(json.dumps),
        ),
    )
)
def test_no_metadata_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, metadata: dict[str, str]
) -> None:
    path = write(tmp_path_factory.mktemp("lora") / "a.safetensors", layer(2048), **metadata)
    facts = facts_of(read_lora(path))
    for word in (facts.title, *facts.trigger_words, *facts.tags):
        assert word.isprintable()
        assert len(word) <= 120


# -- refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ({"unet.conv_in.oft_blocks": (1, 1)}, "is OFT, which can't be read here"),
        ({"lora_unet_conv_in.a1.weight": (1, 1)}, "is GLoRA, which"),
        ({"string_to_param": (1, 1)}, "isn't a LoRA but a textual inversion"),
        ({"lora_unet_conv_in.on_input": (1,)}, "is IA3, which"),
        ({"model.diffusion_model.out.2.bias": (4,)}, "isn't a LoRA but a file of an unknown kind"),
        ({"clip_l": (2, 768), "clip_g": (2, 1280)}, "isn't a LoRA but a textual inversion"),
        (
            {"down_blocks.0.motion_modules.0.temporal_transformer.norm.weight": (320,)},
            "isn't a LoRA but a motion module for AnimateDiff",
        ),
        (
            {"down_blocks.3.motion_modules.0.norm.weight": (1280,)},
            "isn't a LoRA but a motion module for AnimateDiff",
        ),
        (
            {
                "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0."
                f"attention_blocks.0.processor.to_q_lora.{way}.weight": shape
                for way, shape in (("down", (4, 320)), ("up", (320, 4)))
            },
            "isn't a LoRA but a motion LoRA for AnimateDiff",
        ),
        (
            {
                "down_blocks.0.resnets.0.norm1.weight": (320,),
                "controlnet_cond_embedding.conv_in.bias": (16,),
            },
            "isn't a LoRA but a ControlNet",
        ),
        ({"double_blocks.0.img_attn.qkv.weight": (9, 3)}, "isn't a LoRA but a Flux checkpoint"),
        ({"lora_unet_conv_in.q_layer.weight": (1, 1)}, "is T-LoRA, which"),
        ({"first.decoder.conv_in.weight": (1,)}, "isn't a LoRA but only a VAE"),
        (
            {"down_blocks.0.motion_modules.0.norm.weight": (1,)},
            "isn't a LoRA but a file with only temporal layers",
        ),
        ({}, "isn't a LoRA but a file of an unknown kind"),
    ],
)
def test_another_kind_of_file(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], says: str
) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        facts_of(read_lora(write(tmp_path / "one.safetensors", shapes)))
    assert str(caught.value).startswith("one.safetensors ")


def tensor(**about: Any) -> bytes:
    usual = {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}
    return json.dumps({"a.lora_down.weight": usual | about}).encode()


def zipped(path: Path, member: str) -> None:
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(member, b"abc")


BROKEN: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: path.write_bytes(b""), "is empty"),
    (lambda path: path.write_bytes(b"\xff" * 4), "header is cut off"),
    (lambda path: path.write_bytes(b"\xff" * 100), "header is cut off"),
    (lambda path: path.write_bytes(b"<html>not found"), "is a web page, not a model"),
    (lambda path: zipped(path, "archive/data.pkl"), "is a pickle, which could run"),
    (lambda path: zipped(path, "lora.safetensors"), "is an archive; unpack it"),
    (lambda path: path.write_bytes(b"\x80\x04" + bytes(100)), "is a pickle, which could run"),
    (lambda path: write_raw(path, b"{" * 50), "header isn't JSON"),
    (lambda path: write_raw(path, b"[" * 100_000), "header isn't JSON"),
    (lambda path: write_raw(path, b"[1]"), "header isn't JSON"),
    (lambda path: write_raw(path, b"\xff\xfe{}"), "header isn't JSON"),
    (lambda path: write_raw(path, b'{"__metadata__": 3}'), "header isn't JSON"),
    (lambda path: write_raw(path, b'{"__metadata__": {"a": 3}}'), "header isn't JSON"),
    (lambda path: write_raw(path, tensor() + tensor(), 2), "header isn't JSON"),
    (lambda path: write_raw(path, tensor(), 4), "longer than its header says"),
    (lambda path: write_raw(path, tensor(dtype="F12"), 2), "makes no sense for a.lora"),
    (lambda path: write_raw(path, tensor(dtype="F32"), 2), "makes no sense for a.lora"),
    (lambda path: write_raw(path, tensor(dtype=None), 2), "makes no sense for a.lora"),
    (lambda path: write_raw(path, b'{"\\ud800": {"dtype": "F16"}}'), "header isn't JSON"),
    (lambda path: write_raw(path, b'{"x\\n@a\\u202e": {}}'), "makes no sense for x @a\\)"),
    (
        lambda path: write_raw(path, b'{"' + b"y" * 2000 + b'": {}}'),
        "has a name that is far too long",
    ),
    (
        lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1"),
        "only a Git LFS pointer",
    ),
    (lambda path: path.write_bytes(b"GGUF" + bytes(20)), "is a GGUF file"),
    (lambda path: path.write_bytes(b'{"error": "Unauthorized"}'), "a message from a website"),
    (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20)), "is a picture"),
    (lambda path: write_raw(path, b'{"a": 3}'), "makes no sense for a"),
    (lambda path: write_raw(path, tensor(shape="x"), 2), "makes no sense for a.lora"),
    (lambda path: write_raw(path, tensor(shape=[-1]), 2), "makes no sense for a.lora"),
    (lambda path: write_raw(path, tensor(shape=[True]), 2), "makes no sense for a.lora"),
    (lambda path: write_raw(path, tensor(data_offsets=[0]), 2), "makes no sense for a.lora"),
    (lambda path: write_raw(path, tensor(data_offsets=[0, 2**70]), 2), "makes no sense for a.lora"),
    (lambda path: write_raw(path, tensor(data_offsets=[0, 4]), 2), "the end of a.lora_down"),
    (lambda path: write_raw(path, tensor(data_offsets=[2, 0]), 2), "makes no sense for a.lora"),
]


@pytest.mark.parametrize(("spoil", "says"), BROKEN)
def test_a_broken_file_is_one_sentence(
    tmp_path: Path, spoil: Callable[[Path], object], says: str
) -> None:
    path = tmp_path / "one.safetensors"
    spoil(path)
    with pytest.raises(ModelError, match=says) as caught:
        facts_of(read_lora(path))
    assert "\n" not in str(caught.value)


def test_a_header_longer_than_the_format_allows_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    with path.open("wb") as opened:
        opened.write((MAX_HEADER + 1).to_bytes(8, "little"))
        opened.truncate(MAX_HEADER + 9)  # a hole: nothing of it is on the disk
    with pytest.raises(ModelError, match="its header is larger than 100,000,000 bytes") as caught:
        facts_of(read_lora(path))
    assert "harm" not in str(caught.value)


def test_a_pickle_by_its_name_or_none_at_all(tmp_path: Path) -> None:
    path = tmp_path / "lora.ckpt"
    path.write_bytes(bytes(100))
    with pytest.raises(ModelError, match=r"lora\.ckpt is a pickle"):
        facts_of(read_lora(path))
    with pytest.raises(ModelError, match=r"can't be read \(no such file"):
        read_header(tmp_path / "nowhere.safetensors")
    with pytest.raises(ModelError, match="can't be read"):
        read_header(tmp_path)


@pytest.mark.parametrize("length", [0x0280, 0x0380, 0x0480, 0x0580])
def test_a_header_as_long_as_a_pickle_begins(tmp_path: Path, length: int) -> None:
    """Its length's first bytes are those of a pickle's protocol 2 to 5."""
    path = write_raw(tmp_path / "lora.safetensors", b"{}".ljust(length))
    assert read_header(path).shapes == {}
    path.write_bytes(length.to_bytes(8, "little") + b"K" * length)
    with pytest.raises(ModelError, match="is a pickle"):
        read_header(path)


def test_neither_torch_nor_safetensors_is_needed() -> None:
    code = (
        "import sys, generator.checkpoints.inspect.lora_facts\n"
        "import generator.contract.limits, generator.contract.messages\n"
        "print(sorted({'torch', 'numpy', 'safetensors', 'diffusers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
