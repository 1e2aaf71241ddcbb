"""Whether workers with Hotshot's own engine could start and hold their model, and why not.

Loads the model as a worker does, but to the meta device: every file is looked up, opened and
compared with what its network wants, and no weight is read. Fetches nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from generator.annotators import depth
from generator.checkpoints.download import format_bytes
from generator.checkpoints.lora_tensors import resolve_lora
from generator.checkpoints.resolve import NotFetchedError, without_fetching
from generator.contract.control_types import DEPTH_MODEL
from generator.contract.errors import HotshotError, ModelError
from generator.contract.findings import Doubt, Finding, run_check
from generator.contract.limits import local_path
from generator.contract.worker_settings import WorkerSettings
from generator.model import devices
from generator.model.library_logging import quiet_libraries
from generator.model.loading import load_model
from generator.model.memory import AT_WORK, AUTO, LowVram, available_bytes, has_room, needed_bytes
from generator.model.spatial_base import open_base

_OFFLOADED = 1.25  # of the one network that is on the GPU
_PROGRAM_BYTES = 700 * 2**20  # of RAM that a worker takes before it holds any weight


@dataclass(frozen=True, slots=True)
class _Weights:
    """Bytes of a model's weights as they are held, and of its largest network."""

    total: int
    largest: int


def examine(workers: Sequence[WorkerSettings]) -> Iterator[Finding]:
    """Yield findings on everything that these workers need on this machine."""
    quiet_libraries()
    first = workers[0]
    choices = yield from _devices(workers)
    found = [(yield from _model(first, choices))]
    for each in first.models:
        if each.name != first.model_name:
            found.append((yield from _named(first.loading(each.name), choices)))
    weights = [each for each in found if each is not None]
    if weights and len(choices) == len(workers):  # a worker holds one at a time
        largest = max(weights, key=lambda each: each.total)
        yield from _memory(choices, largest, low_vram=first.low_vram)
    yield run_check("depth model", lambda: _depth(first.depth_model))


# -- devices ---------------------------------------------------------------------------------------


def _devices(
    workers: Sequence[WorkerSettings],
) -> Generator[Finding, None, list[devices.DeviceChoice]]:
    """Yield findings; return a device and a precision for each worker that has one."""
    choices = []
    for worker in workers:
        try:
            choice = devices.choose_device(worker.device, worker.precision)
        except HotshotError as error:
            yield Finding.broken("device", error)
        else:
            choices.append(choice)
    for choice in dict.fromkeys(choices):  # each once, in order
        copies = choices.count(choice)
        times = f"{copies} workers on " if copies > 1 else ""
        yield Finding("device", f"{times}{choice.device}: {choice.reason.rstrip('.')}")
    return choices


# -- the model -------------------------------------------------------------------------------------


def _model(
    worker: WorkerSettings, choices: list[devices.DeviceChoice]
) -> Generator[Finding, None, _Weights | None]:
    """Yield findings; return what the weights take, where the model was found."""
    if worker.spatial_unet_base:
        base = run_check("base", lambda: _base(worker))
        yield base
        if not base.is_fine:
            return None
    try:
        with without_fetching():
            loaded = load_model(
                worker.model,
                spatial_unet_base=worker.spatial_unet_base or None,
                unet_only=worker.unet_only,
                device=torch.device("meta"),
                dtype=choices[0].dtype if choices else torch.float32,
            )
    except NotFetchedError as error:
        if error.repository != worker.spatial_unet_base:
            yield Finding("model", _to_be_fetched(error, "the first start"))
        return _Weights(error.size, error.size)
    except HotshotError as error:
        yield Finding.broken("model", error)
        return None
    networks = (loaded.unet, loaded.vae, *loaded.text.encoders)
    sizes = [
        sum(value.numel() * value.element_size() for value in network.state_dict().values())
        for network in networks
    ]
    size = f", {format_bytes(sum(sizes))} in {choices[0].precision}" if choices else ""
    yield Finding("model", f"{worker.model}{size}")
    return _Weights(sum(sizes), max(sizes))


def _named(
    worker: WorkerSettings, choices: list[devices.DeviceChoice]
) -> Generator[Finding, None, _Weights | None]:
    """Yield findings on a model beside the default one, under its name; return its weights."""
    subject = f"model {worker.name}"
    try:
        local_path(worker.model)
    except ModelError as error:  # it may be on another host
        yield Finding(subject, f"workers here go without it: {error}", is_doubtful=True)
        return None
    for lora in worker.loras:
        yield run_check(f"LoRA of {worker.name}", partial(_lora, lora.path))
    findings = _model(worker, choices)
    while True:
        try:
            finding = next(findings)
        except StopIteration as end:
            weights: _Weights | None = end.value
            return weights
        yield replace(
            finding, subject=finding.subject.replace("base", "base of") + f" {worker.name}"
        )


def _lora(path: str) -> str:
    try:
        with without_fetching():
            resolve_lora(path)
    except NotFetchedError as error:
        return _to_be_fetched(error, "the first GIF by that model")
    return path


def _base(worker: WorkerSettings) -> str:
    try:
        with without_fetching():
            open_base(worker.spatial_unet_base, unet_only=worker.unet_only)
    except NotFetchedError as error:
        return _to_be_fetched(error, "the first start")
    return worker.spatial_unet_base


def _to_be_fetched(error: HotshotError, by: str) -> str:
    return f"{str(error).rstrip('.')}; {by} fetches it"


def _depth(given: str) -> str:
    """Return the depth model, or what is to be said of it.

    The usual one is fetched when it is first needed; one that the config names must be there.
    """
    model = given or DEPTH_MODEL
    try:
        with without_fetching():
            depth.check_depth_model(depth.find_depth_model(model), model)
    except NotFetchedError as error:
        return _to_be_fetched(error, "the first GIF that follows depth")
    except HotshotError as error:
        if given:
            raise
        return Doubt(f"GIFs that follow depth will fail until this is fixed: {error}")
    return model


# -- memory ----------------------------------------------------------------------------------------


def _memory(
    choices: list[devices.DeviceChoice], weights: _Weights, *, low_vram: LowVram
) -> Iterator[Finding]:
    on_gpus = [choice for choice in choices if choice.device.type == "cuda"]
    offloaded = 0
    for choice in on_gpus:
        is_auto, free = low_vram == AUTO, torch.cuda.mem_get_info(choice.device)[0]
        is_low = not has_room(weights.total, free) if is_auto else bool(low_vram)
        needed = weights.largest * _OFFLOADED if is_low else needed_bytes(weights.total)
        offloaded += is_low
        yield run_check("memory", partial(_gpu_memory, choice, int(needed), low_vram=is_low))
    in_ram = len(choices) - len(on_gpus)
    held = weights.total * (AT_WORK * in_ram + offloaded)
    yield run_check("memory", lambda: _ram(int(held) + _PROGRAM_BYTES * len(choices)))


def _gpu_memory(choice: devices.DeviceChoice, needed: int, *, low_vram: bool) -> str:
    free, whole = torch.cuda.mem_get_info(choice.device)
    if needed > free:
        otherwise = "" if low_vram else "low_vram = true, "
        raise ModelError(
            f"{choice.device} has {format_bytes(free)} of {format_bytes(whole)} free, but the "
            f"model needs about {format_bytes(needed)} at work; stop what else uses it, or choose "
            f"{otherwise}another device or a smaller model."
        )
    return f"{choice.device} has {format_bytes(free)} free, about {format_bytes(needed)} are needed"


def _ram(needed: int) -> str:
    free = available_bytes()
    if free is None:
        return f"about {format_bytes(needed)} of RAM are needed"
    if needed > free:
        raise ModelError(
            f"This machine has {format_bytes(free)} of RAM free, but the workers need about "
            f"{format_bytes(needed)}; stop other programs, or choose fewer workers or a smaller "
            "model."
        )
    return f"{format_bytes(free)} of RAM are free, about {format_bytes(needed)} are needed"
