"""ComfyUI's graphs in the shapes that people build, and in some that nobody should."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.recipes.foreign import comfyui
from generator.recipes.foreign.convert import read_foreign_recipe
from generator.recipes.foreign.foreign_request import ForeignRecipe
from tests.generator.recipes.foreign.pictures import dumped, node, png, simple_graph, with_exif


def read(graph: object, *, is_workflow: bool = False) -> ForeignRecipe:
    recipe = comfyui.read_graph(dumped(graph), is_workflow=is_workflow)
    assert recipe is not None
    return recipe


SIMPLE = ForeignRecipe(
    program="ComfyUI",
    prompt="a red ball",
    negative_prompt="text, watermark",
    seed=156680208700286,
    steps=20,
    width=512,
    height=768,
    guidance_scale=8.0,
    scheduler="euler",
    sampler="euler",
    left_out=("checkpoint sd_xl_base_1.0.safetensors",),
)
WITHOUT_CHECKPOINT = replace(SIMPLE, left_out=())


def test_the_first_example(tmp_path: Path) -> None:
    graph = dumped(simple_graph())
    assert read_foreign_recipe(png(tmp_path / "one.png", prompt=graph)) == SIMPLE
    tags = {0x0110: f"prompt:{graph}", 0x010F: 'workflow:{"nodes": []}'}
    assert read_foreign_recipe(with_exif(tmp_path / "one.webp", tags=tags)) == SIMPLE


def test_samplers_and_ramps() -> None:
    karras = read(simple_graph(sampler_name="dpmpp_2m", scheduler="karras"))
    assert karras.scheduler == "dpmpp_2m_karras"
    assert read(simple_graph(sampler_name="euler_ancestral")).scheduler == "euler_a"
    assert read(simple_graph(sampler_name="res_multistep")).scheduler is None


def test_texts_numbers_and_sizes_in_nodes_of_their_own() -> None:
    graph = simple_graph(seed=["20", 0], steps=["21", 0])
    graph |= {
        "5": node("EmptyLatentImage", width=["22", 0], height=["23", 0], batch_size=1),
        "6": node("CLIPTextEncode", text=["24", 0]),
        "20": node("Seed (rgthree)", seed=77),
        "21": node("PrimitiveInt", value=9),
        "22": node("easy int", value=640),
        "23": node("INTConstant", value=384),
        "24": node("StringConcatenate", string_a=["25", 0], string_b="on beige", delimiter=", "),
        "25": node("PrimitiveStringMultiline", value="a blue star"),
    }
    recipe = read(graph)
    assert (recipe.prompt, recipe.seed, recipe.steps) == ("a blue star, on beige", 77, 9)
    assert (recipe.width, recipe.height) == (640, 384)


def test_nodes_that_hold_both_texts_or_a_size_of_their_own() -> None:
    both = {"positive": "a red ball", "negative": "text"}
    loader = node("Efficient Loader", **both, empty_latent_width=640, empty_latent_height=512)
    graph = simple_graph(positive=["9", 1], negative=["9", 2], latent_image=["9", 3])
    recipe = read(graph | {"9": loader})
    assert (recipe.prompt, recipe.negative_prompt) == ("a red ball", "text")
    assert (recipe.width, recipe.height) == (640, 512)
    styler = node("SDXLPromptStyler", text_positive="a red ball", text_negative="text")
    graph = simple_graph() | {"9": styler, "6": node("CLIPTextEncode", text=["9", 0])}
    graph |= {"7": node("CLIPTextEncode", text=["9", 1])}
    graph["5"] = node("EmptyLatentImage", width=["8", 0], height=["8", 1])
    graph["8"] = node("SDXLResolutionPresets", width=832, height=1216)
    recipe = read(graph)
    assert (recipe.prompt, recipe.negative_prompt) == ("a red ball", "text")
    assert (recipe.width, recipe.height) == (832, 1216)


def test_wires_with_bends_in_the_editor_s_graph() -> None:
    def linked(**links: int) -> list[dict[str, Any]]:
        return [{"name": name, "link": link} for name, link in links.items()]

    nodes: list[dict[str, Any]] = [
        {"id": 1, "type": "CLIPTextEncode", "widgets_values": ["a red ball"]},
        {"id": 2, "type": "Reroute", "inputs": [{"name": "", "link": 11}]},
        {"id": 3, "type": "Reroute", "inputs": [{"name": "", "link": 12}]},
        {"id": 5, "type": "Reroute", "inputs": [{"name": "", "link": 15}]},  # in a circle
        {
            "id": 4,
            "type": "KSampler",
            "inputs": linked(positive=13, negative=14, latent_image=15),
            "widgets_values": [7, "fixed", 20, 8.0, "euler", "normal", 1.0],
        },
    ]
    links = [[11, 1, 0, 2, 0], [12, 2, 0, 3, 0], [13, 3, 0, 4, 0], [14, 9, 0, 4, 1]]
    recipe = read({"nodes": nodes, "links": [*links, [15, 5, 0, 5, 0]]}, is_workflow=True)
    assert (recipe.prompt, recipe.seed, recipe.negative_prompt) == ("a red ball", 7, None)


def test_sdxl_s_two_encoders_and_the_refiner() -> None:
    graph = simple_graph()
    graph["3"] = node(
        "KSamplerAdvanced",
        **(graph["3"]["inputs"] | {"noise_seed": 5, "add_noise": "enable", "end_at_step": 16}),
    )
    del graph["3"]["inputs"]["seed"]
    both = {"width": 1024, "height": 1024, "target_width": 1024}
    graph |= {
        "6": node("CLIPTextEncodeSDXL", text_g="a red ball", text_l="a red ball", **both),
        "7": node("CLIPTextEncodeSDXL", text_g="blurry", text_l="text", **both),
        "30": node(
            "KSamplerAdvanced",
            noise_seed=6,
            steps=99,
            cfg=1,
            positive=["31", 0],
            negative=["31", 0],
            latent_image=["3", 0],
        ),
        "31": node("CLIPTextEncodeSDXLRefiner", text="refined", ascore=6),
    }
    recipe = read({"30": graph.pop("30"), **graph})  # whichever comes first in the file
    assert (recipe.prompt, recipe.negative_prompt) == ("a red ball", "blurry, text")
    assert (recipe.seed, recipe.steps, recipe.width) == (5, 20, 512)


def test_a_second_pass_over_a_larger_picture() -> None:
    graph = simple_graph()
    graph |= {
        "10": node("LatentUpscale", samples=["3", 0], width=1024, height=1536),
        "11": node(
            "KSampler",
            **(graph["3"]["inputs"] | {"seed": 9, "denoise": 0.5, "latent_image": ["10", 0]}),
        ),
    }
    recipe = read({"11": graph.pop("11"), **graph})
    assert (recipe.seed, recipe.width, recipe.height) == (156680208700286, 512, 768)


def test_a_custom_sampler_with_a_guider() -> None:
    graph = simple_graph()
    graph["3"] = node(
        "SamplerCustomAdvanced",
        noise=["40", 0],
        guider=["41", 0],
        sampler=["42", 0],
        sigmas=["43", 0],
        latent_image=["5", 0],
    )
    graph |= {
        "40": node("RandomNoise", noise_seed=11),
        "41": node("CFGGuider", cfg=3.5, positive=["6", 0], negative=["7", 0]),
        "42": node("KSamplerSelect", sampler_name="dpmpp_2m"),
        "43": node("BasicScheduler", scheduler="karras", steps=12),
    }
    recipe = read(graph)
    assert (recipe.prompt, recipe.negative_prompt) == ("a red ball", "text, watermark")
    assert (recipe.seed, recipe.steps, recipe.guidance_scale) == (11, 12, 3.5)
    assert recipe.scheduler == "dpmpp_2m_karras"


def test_conditionings_on_the_way() -> None:
    graph = simple_graph(positive=["50", 0], negative=["50", 1])
    graph |= {
        "50": node("ControlNetApplyAdvanced", positive=["51", 0], negative=["52", 0], strength=1),
        "51": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["53", 0]),
        "52": node("ConditioningZeroOut", conditioning=["6", 0]),
        "53": node("CLIPTextEncode", text="on beige"),
    }
    recipe = read(graph)
    assert recipe.prompt == "a red ball, on beige"
    assert recipe.negative_prompt is None  # zeros, not words


def a_workflow(**widget_names: Any) -> dict[str, Any]:
    """The same example as the editor keeps it."""

    def each(number: int, kind: str, values: object, **links: int) -> dict[str, Any]:
        inputs: list[dict[str, Any]] = [
            {"name": name, "type": "*", "link": link} for name, link in links.items()
        ]
        return {"id": number, "type": kind, "widgets_values": values, "inputs": inputs, "mode": 0}

    numbers = [156680208700286, "randomize", 20, 8, "euler", "normal", 1]
    return {
        "nodes": [
            each(3, "KSampler", numbers, model=1, positive=4, negative=6, latent_image=2),
            each(5, "EmptyLatentImage", [512, 768, 1]),
            each(6, "CLIPTextEncode", ["a red ball"], clip=3),
            each(7, "CLIPTextEncode", ["text, watermark"], clip=5),
            {"id": 99, "type": "Note", "widgets_values": ["hello"], "mode": 0},
            *widget_names.get("more", ()),
        ],
        "links": [
            [1, 4, 0, 3, 0, "MODEL"],
            [2, 5, 0, 3, 3, "LATENT"],
            [4, 6, 0, 3, 1, "CONDITIONING"],
            [6, 7, 0, 3, 2, "CONDITIONING"],
        ],
    }


def test_an_editor_s_workflow(tmp_path: Path) -> None:
    assert read(a_workflow(), is_workflow=True) == WITHOUT_CHECKPOINT
    path = png(tmp_path / "one.png", workflow=dumped(a_workflow()), prompt="nothing of the kind")
    assert read_foreign_recipe(path) == WITHOUT_CHECKPOINT
    loader = {
        "id": 8,
        "type": "LoraLoader",
        "widgets_values": ["a.safetensors", 0.5, 1],
        "inputs": [],
    }
    assert read(a_workflow(more=[loader]), is_workflow=True).loras == (("a.safetensors", 0.5),)


def test_what_is_switched_off_is_passed_over() -> None:
    off = {"id": 1, "type": "KSampler", "mode": 4, "widgets_values": [1], "inputs": []}
    assert read(a_workflow(more=[off]), is_workflow=True) == WITHOUT_CHECKPOINT


HOSTILE: list[Any] = [
    None,
    3,
    [],
    {},
    {"3": None},
    {"3": {"inputs": None}},
    {"3": node("KSampler", positive=["3", 0], latent_image=["3", 0])},
    {"3": node("KSampler", positive=[[], 0], latent_image=[{}, 0], seed={}, steps=[[1, 2]])},
    {
        "3": node("KSampler", positive=["6", 0], latent_image=["3", 0]),
        "6": node("A", text=["6", 0]),
    },
    {
        "3": node("KSampler", positive=["6", 0], latent_image=["5", 0], seed=["7", 0]),
        "6": node("X", conditioning_1=["6", 0], conditioning_2=["6", 0], conditioning=["6", 0]),
        "7": node("Y", seed=["8", 0]),
        "8": node("Y", seed=["7", 0]),
    },
    {"nodes": [None, {"id": []}, {"id": 1, "inputs": 5, "widgets_values": {"a": 1}}], "links": 7},
    {"nodes": [{"id": 1, "type": [], "widgets_values": [1], "inputs": [{"widget": {}}]}]},
    {
        "nodes": [{"id": {}, "inputs": [{"name": 1, "link": []}]}],
        "links": [[1], {"id": 1}, [{}, 2, 3]],
    },
]


@pytest.mark.parametrize("graph", HOSTILE, ids=range(len(HOSTILE)))
def test_a_graph_that_makes_no_sense_is_no_crash(graph: object) -> None:
    for is_workflow in (False, True):
        comfyui.read_graph(dumped(graph), is_workflow=is_workflow)


def test_a_huge_or_deep_graph_takes_no_time() -> None:
    assert comfyui.read_graph("[" * 100_000) is None
    chain = {
        str(number): node("X", conditioning=[str(number + 1), 0], latent=[str(number + 1), 0])
        for number in range(4000)
    }
    graph = chain | {"k": node("KSampler", positive=["0", 0], latent_image=["0", 0])}
    assert read(graph).prompt == ""
    many = {str(number): node("KSampler", positive=["x", 0], latent_image=["0", 0])
            for number in range(4900)}  # fmt: skip
    assert read(many).prompt == ""
    assert comfyui.read_graph(dumped(many | {str(n): node("X") for n in range(5000, 9000)})) is None


def test_numbers_that_nobody_can_use_are_left_out() -> None:
    text = dumped(simple_graph(steps=0, cfg=1e9)).replace("156680208700286", "9" * 4000)
    recipe = comfyui.read_graph(text)
    assert recipe is not None
    assert (recipe.seed, recipe.steps, recipe.guidance_scale) == (None, None, None)
    assert comfyui.read_graph(json.dumps(simple_graph(cfg=float("nan")))) is not None


def test_loras_are_found_and_what_is_not_done_here_is_named() -> None:
    extra = {
        "20": node("LoraLoader", lora_name="look/pixels.safetensors", strength_model=0.5),
        "21": node("LoraLoader", lora_name="<b:d>", strength_model=10**400),
        "22": node("LoraLoader", lora_name=["4", 0], strength_model=1),
        "23": node("LoraLoader", lora_name="<x:y>"),
        "24": node("ControlNetLoader", control_net_name="canny.pth"),
        "25": node("VAELoader", vae_name={"a": 1}),
    }
    recipe = comfyui.read_graph(dumped(simple_graph() | extra))
    assert recipe is not None
    assert recipe.loras == (("look/pixels.safetensors", 0.5), ("x y", 1.0))
    assert "ControlNet canny.pth" in recipe.left_out
    assert not any(each.startswith("VAE") for each in recipe.left_out)
