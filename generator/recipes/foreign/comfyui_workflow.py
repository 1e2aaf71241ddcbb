"""A ComfyUI workflow, as the editor keeps it, to a graph as its server runs it.

The editor has a node's values in a list without names; newer versions name them, and for older ones
the order of the usual nodes is known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SEED = ("seed", "control_after_generate")
_NAMES: dict[str, tuple[str, ...]] = {
    "KSampler": (*_SEED, "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        *("add_noise", "noise_seed", "control_after_generate", "steps", "cfg", "sampler_name"),
        *("scheduler", "start_at_step", "end_at_step", "return_with_leftover_noise"),
    ),
    "SamplerCustom": ("add_noise", "noise_seed", "control_after_generate", "cfg"),
    "RandomNoise": ("noise_seed", "control_after_generate"),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KarrasScheduler": ("steps", "sigma_max", "sigma_min", "rho"),
    "CFGGuider": ("cfg",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeSDXL": (
        *("width", "height", "crop_w", "crop_h", "target_width", "target_height"),
        *("text_g", "text_l"),
    ),
    "CLIPTextEncodeSDXLRefiner": ("ascore", "width", "height", "text"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "ControlNetLoader": ("control_net_name",),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "UNETLoader": ("unet_name", "weight_dtype"),
    "VAELoader": ("vae_name",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "PrimitiveNode": ("value", "control_after_generate"),
    "PrimitiveInt": ("value", "control_after_generate"),
    "PrimitiveFloat": ("value",),
    "PrimitiveString": ("value",),
    "PrimitiveStringMultiline": ("value",),
}
_SWITCHED_OFF = (2, 4)  # muted, bypassed
_MOST = 5000
_MOST_BENDS = 50  # of one wire


def graph_of_workflow(values: object) -> dict[str, dict[str, Any]]:
    """Return the graph that a workflow's editor would send; empty for what is no workflow."""
    if not isinstance(values, dict):
        return {}
    nodes, links = values.get("nodes"), values.get("links")
    if not isinstance(nodes, list) or len(nodes) > _MOST:
        return {}
    origins = _past_reroutes(_origins(links), nodes)
    return {
        str(node["id"]): {"class_type": str(node.get("type")), "inputs": _inputs(node, origins)}
        for node in nodes
        if isinstance(node, dict) and "id" in node and node.get("mode") not in _SWITCHED_OFF
    }


def _origins(links: object) -> dict[str, list[Any]]:
    """Return by a link's id the node and the output where it begins."""
    found: dict[str, list[Any]] = {}
    for link in links if isinstance(links, list) else []:
        if isinstance(link, list) and len(link) >= 3:
            found[str(link[0])] = [str(link[1]), link[2]]
        elif isinstance(link, dict):
            found[str(link.get("id"))] = [str(link.get("origin_id")), link.get("origin_slot")]
    return found


def _past_reroutes(origins: dict[str, list[Any]], nodes: list[Any]) -> dict[str, list[Any]]:
    """Return the links with their beginnings where something is, not at a bend of the wire."""
    bends = {str(node["id"]): _only_link(node) for node in nodes if _is_reroute(node)}
    found = {}
    for link, origin in origins.items():
        start = origin
        for _ in range(_MOST_BENDS):
            if start[0] not in bends or (before := origins.get(bends[start[0]])) is None:
                break
            start = before
        found[link] = start
    return found


def _is_reroute(node: object) -> bool:
    return isinstance(node, dict) and "id" in node and node.get("type") == "Reroute"


def _only_link(node: Mapping[str, Any]) -> str:
    sockets = node.get("inputs")
    first = sockets[0] if isinstance(sockets, list) and sockets else None
    return str(first.get("link")) if isinstance(first, dict) else ""


def _inputs(node: Mapping[str, Any], origins: Mapping[str, list[Any]]) -> dict[str, Any]:
    sockets = node.get("inputs")
    named = (
        [each for each in sockets if isinstance(each, dict)] if isinstance(sockets, list) else []
    )
    inputs = _widgets(node, named)
    for socket in named:
        origin = origins.get(str(socket.get("link")))
        if origin is not None and socket.get("link") is not None:
            inputs[str(socket.get("name"))] = origin
    return inputs


def _widgets(node: Mapping[str, Any], sockets: list[dict[str, Any]]) -> dict[str, Any]:
    values = node.get("widgets_values")
    if isinstance(values, dict):
        return {str(name): value for name, value in values.items()}
    if not isinstance(values, list):
        return {}
    names = _NAMES.get(str(node.get("type")))
    if names is None:
        names = tuple(
            str(socket["widget"].get("name"))
            for socket in sockets
            if isinstance(socket.get("widget"), dict)
        ) or ("value",)
    return dict(zip(names, values, strict=False))
