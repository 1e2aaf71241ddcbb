"""ComfyUI's graphs: ``prompt`` as its server runs it, or ``workflow`` as its editor keeps it.

From the sampler that starts with an empty picture the links are followed back to texts, sizes and
numbers. A graph may come from anybody: it may lead in circles, be huge, or make no sense at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.contract.json_text import JsonError, parse_json
from generator.recipes.foreign.comfyui_workflow import graph_of_workflow
from generator.recipes.foreign.foreign_request import (
    ForeignRecipe,
    edge_of,
    guidance_of,
    plain,
    seed_of,
    shown,
    steps_of,
)

PROGRAM = "ComfyUI"
_MOST_NODES = 5000
_MOST_HOPS = 200  # from one sampler; real graphs take ten
_LONGEST_TEXT = 20_000

_SAMPLERS = {
    "euler_ancestral": "euler_a",
    "euler": "euler",
    "ddim": "ddim",
    "dpmpp_2m": "dpmpp_2m",
    "dpmpp_sde": "dpmpp_sde",
    "dpmpp_sde_gpu": "dpmpp_sde",
    "dpmpp_2m_sde": "dpmpp_sde",
    "dpmpp_2m_sde_gpu": "dpmpp_sde",
    "uni_pc": "unipc",
    "uni_pc_bh2": "unipc",
    "lcm": "lcm",
    "tcd": "tcd",
}
# Where a value is, beside a sampler's own inputs: in what these of its inputs are linked to.
_NOT_DONE = {
    "ckpt_name": "checkpoint",
    "unet_name": "UNet",
    "vae_name": "VAE",
    "control_net_name": "ControlNet",
    "motion_model": "motion model",
    "upscale_method": "upscaling",
}
_MOST_LORAS = 20
_MOST_STRENGTH = 1000.0
_LONGEST_NAME = 100
_NO_TAG = str.maketrans("<>:", "   ")  # what a name in a prompt can't have
_HELPERS = ("noise", "sampler", "sigmas", "guider")
_TEXTS = (
    *("text", "text_g", "text_l", "prompt", "string", "value", "String", "Text"),
    "populated_text",  # what became of wildcards
)
_JOINED = ("text1", "text2", "string_a", "string_b", "text_a", "text_b", "text_c", "text_d")
_NUMBERS = ("value", "seed", "noise_seed", "int", "float", "number", "Value", "INT", "FLOAT")
_CONDITIONINGS = ("conditioning", "conditioning_1", "conditioning_to", "conditioning_2")
_SIZES = (("width", "height"), ("empty_latent_width", "empty_latent_height"))
_LATENTS = ("latent_image", "samples", "latent", "latents", "images", "image", "pixels")

Graph = Mapping[str, "Node"]


@dataclass(frozen=True, slots=True)
class Node:
    """A node's class, and its inputs: values, or links as (node id, output)."""

    kind: str
    inputs: Mapping[str, Any]


def read_graph(text: str, *, is_workflow: bool = False) -> ForeignRecipe | None:
    """Return what a graph says; None for a text that is no such graph, or has no sampler."""
    try:
        values = parse_json(text)
    except JsonError:
        return None
    if is_workflow:
        values = graph_of_workflow(values)
    graph = _nodes(values)
    sampler = _first_sampler(graph)
    return None if sampler is None else _Reader(graph).recipe(sampler)


def _nodes(values: object) -> dict[str, Node]:
    if not isinstance(values, dict) or len(values) > _MOST_NODES:
        return {}
    found = {}
    for name, node in values.items():
        if isinstance(node, dict) and isinstance(node.get("inputs"), dict):
            found[name] = Node(str(node.get("class_type", "")), node["inputs"])
    return found


def _first_sampler(graph: Graph) -> Node | None:
    """Return the sampler that starts from an empty picture; others refine what it made."""
    samplers = [node for node in graph.values() if _is_sampler(node)]
    for node in samplers:
        before = list(_Reader(graph).behind(node, _LATENTS))
        if not any(map(_is_sampler, before)):
            return node
    return samplers[0] if samplers else None


def _is_sampler(node: Node) -> bool:
    has_text = {"positive", "guider"} & node.inputs.keys()
    return bool(has_text) and "latent_image" in node.inputs


@dataclass(slots=True)
class _Reader:
    """Follows links; each lookup ends after so many, whatever the graph is."""

    graph: Graph
    _hops: int = field(default=0)

    def recipe(self, sampler: Node) -> ForeignRecipe:
        guider = self._linked(sampler.inputs.get("guider")) or sampler
        wanted = guider.inputs.get("positive", guider.inputs.get("conditioning"))
        unwanted = self._text(guider.inputs.get("negative"), "negative")
        size = self._size(sampler)
        name = self._word(sampler, "sampler_name")
        ramp = self._word(sampler, "scheduler")
        known = _SAMPLERS.get(name)
        return ForeignRecipe(
            program=PROGRAM,
            prompt=plain(self._text(wanted, "positive") or ""),
            negative_prompt=None if unwanted is None else plain(unwanted),
            seed=seed_of(self._number(sampler, "seed", "noise_seed")),
            steps=steps_of(self._number(sampler, "steps")),
            width=edge_of(size[0]),
            height=edge_of(size[1]),
            guidance_scale=guidance_of(self._number(sampler, "cfg", "guidance")),
            scheduler="dpmpp_2m_karras" if (known, ramp) == ("dpmpp_2m", "karras") else known,
            sampler=plain(name)[:60],
            loras=self._loras(),
            left_out=self._left_out("" if known else name),
        )

    def _loras(self) -> tuple[tuple[str, float], ...]:
        """Return the LoRAs that are loaded anywhere, each once."""
        found: dict[str, float] = {}
        for node in self.graph.values():
            name, strength = node.inputs.get("lora_name"), node.inputs.get("strength_model", 1.0)
            is_strength = isinstance(strength, int | float) and abs(strength) <= _MOST_STRENGTH
            if isinstance(name, str) and is_strength and len(found) < _MOST_LORAS:
                cleaned = plain(name).translate(_NO_TAG).strip()
                found.setdefault(cleaned[:_LONGEST_NAME], float(strength))
        return tuple((name, strength) for name, strength in found.items() if name)

    def _left_out(self, sampler: str) -> tuple[str, ...]:
        """Return what was done that Hotshot doesn't do, each once."""
        done = [
            (said, node.inputs[name])
            for node in self.graph.values()
            for name, said in _NOT_DONE.items()
            if name in node.inputs
        ]
        return tuple(dict.fromkeys(shown(("sampler", sampler), *done)))

    def behind(self, node: Node, names: tuple[str, ...]) -> Iterator[Node]:
        """Yield the nodes that these inputs lead to, the nearest first; each once."""
        seen: set[int] = set()
        waiting = [node]
        while waiting and len(seen) < _MOST_HOPS:
            current = waiting.pop(0)
            for name in names:
                linked = self._linked(current.inputs.get(name))
                if linked is not None and id(linked) not in seen:
                    seen.add(id(linked))
                    waiting.append(linked)
                    yield linked

    def _size(self, sampler: Node) -> tuple[object, object]:
        for node in self.behind(sampler, _LATENTS):
            for names in _SIZES:
                if all(name in node.inputs for name in names):
                    width, height = (self._edge(node, name) for name in names)
                    return width, height
        return None, None

    def _edge(self, node: Node, name: str) -> object:
        """Return a width or height, which a node of presets may say under the same name."""
        return self._value(node.inputs[name], (name.removeprefix("empty_latent_"), *_NUMBERS))

    def _word(self, sampler: Node, name: str) -> str:
        value = self._found(sampler, name)
        return value if isinstance(value, str) else ""

    def _number(self, sampler: Node, *names: str) -> object:
        return next(
            (value for name in names if (value := self._found(sampler, name)) is not None), None
        )

    def _found(self, sampler: Node, name: str) -> object:
        """Return a sampler's own value, or that of a node which helps it."""
        helpers = [self._linked(sampler.inputs.get(each)) for each in _HELPERS]
        for node in (sampler, *helpers):
            if node is not None and name in node.inputs:
                return self._value(node.inputs[name], (name, *_NUMBERS))
        return None

    def _value(self, value: object, names: tuple[str, ...]) -> object:
        """Return what stands at an input, or at the other end of its links."""
        for _ in range(_MOST_HOPS):
            node = self._linked(value)
            if node is None:
                return None if isinstance(value, list | dict) else value
            value = next((node.inputs[name] for name in names if name in node.inputs), None)
        return None

    def _text(self, value: object, side: str) -> str | None:
        """Return the words behind a conditioning or a text; None where there are none at all.

        ``side`` is the input that a node which has both is followed through.
        """
        self._hops += 1
        if isinstance(value, str):
            return value[:_LONGEST_TEXT]
        node = self._linked(value)
        if node is None or self._hops > _MOST_HOPS or node.kind == "ConditioningZeroOut":
            return None
        families = (_TEXTS, _JOINED, (side, f"text_{side}"), _CONDITIONINGS)
        names = next((each for each in families if _says(node, each)), ())
        texts = [self._text(node.inputs[name], side) for name in names if name in node.inputs]
        return _joined(texts)

    def _linked(self, value: object) -> Node | None:
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int):
            return self.graph.get(str(value[0]))
        return None


def _says(node: Node, names: tuple[str, ...]) -> bool:
    return any(name in node.inputs for name in names)


def _joined(texts: list[str | None]) -> str | None:
    """Return the texts of SDXL's two encoders as one: mostly they are given the same."""
    said = [text for text in texts if text is not None]
    return ", ".join(dict.fromkeys(text for text in said if text.strip())) if said else None
