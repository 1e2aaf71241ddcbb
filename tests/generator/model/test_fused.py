"""The fused step computes what the network's own does, near enough, and leaves it as it was."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from generator.model.fused import weights
from generator.model.fused.network import Functions, FusedUNet, Residuals
from generator.model.fused.ops import TORCH, Ops
from generator.model.loading import HotshotModel
from generator.model.unet import HotshotUNet
from tests.generator.model.test_unet import conditioning, difference


@pytest.fixture
def network(tiny: HotshotModel) -> HotshotUNet:
    return copy.deepcopy(tiny.unet)


def step(network: HotshotUNet, sample: Tensor, residuals: Residuals | None = None) -> Tensor:
    clips = sample.shape[0]
    inputs = conditioning(clips)
    fused = FusedUNet.of(network, Functions())
    told = fused.tell(inputs["encoder_hidden_states"], inputs["added_cond_kwargs"])
    return fused(sample, torch.full((clips,), 501), told, residuals)


@torch.inference_mode()
@pytest.mark.parametrize(
    "shape", [(2, 4, 8, 8, 8), (1, 4, 3, 13, 11), (2, 4, 1, 8, 16), (1, 4, 24, 9, 9)]
)
def test_it_is_the_same_network(network: HotshotUNet, shape: tuple[int, ...]) -> None:
    sample = torch.randn(shape)
    exact = network(sample, 501, **conditioning(shape[0])).sample
    assert difference(step(network, sample), exact) < 1e-5


@torch.inference_mode()
def test_what_controlnets_add(network: HotshotUNet) -> None:
    sample = torch.randn(2, 4, 2, 8, 8)
    seen: list[Tensor] = []
    watched = [network.conv_in, *network.down_blocks, network.mid_block]
    hooks = [one.register_forward_hook(lambda _m, _i, made: seen.append(made)) for one in watched]
    network(sample, 501, **conditioning(2))
    for hook in hooks:
        hook.remove()
    first, *blocks, middle = seen
    down = [first, *(one for _, states in blocks for one in states)]
    residuals = Residuals(tuple(torch.randn_like(one) for one in down), torch.randn_like(middle))
    exact = network(
        sample,
        501,
        **conditioning(2),
        down_block_additional_residuals=residuals.down,
        mid_block_additional_residual=residuals.middle,
    ).sample
    assert difference(step(network, sample, residuals), exact) < 1e-5


@torch.no_grad()
def test_in_half_precision_it_is_no_further_from_the_exact_answer(network: HotshotUNet) -> None:
    half = copy.deepcopy(network).bfloat16()
    written, fused, drawn = 0.0, 0.0, torch.Generator().manual_seed(0)
    for _ in range(4):
        inputs, sample = conditioning(2), torch.randn(2, 4, 4, 8, 8, generator=drawn)
        exact = network(sample, 500, **inputs).sample
        narrow = {
            "encoder_hidden_states": inputs["encoder_hidden_states"].bfloat16(),
            "added_cond_kwargs": {
                name: value.bfloat16() for name, value in inputs["added_cond_kwargs"].items()
            },
        }
        quick = FusedUNet.of(half, Functions())
        told = quick.tell(narrow["encoder_hidden_states"], narrow["added_cond_kwargs"])
        written += _distance(half(sample.bfloat16(), 500, **narrow).sample, exact)
        fused += _distance(quick(sample.bfloat16(), torch.tensor([500, 500]), told), exact)
    assert 0 < fused <= 1.1 * written


def _distance(found: Tensor, exact: Tensor) -> float:
    return float((found.float() - exact).square().mean().sqrt())


def test_only_convolutions_are_held_twice(network: HotshotUNet) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    collected = weights.collect(network)
    storages = {one.untyped_storage().data_ptr() for one in network.state_dict().values()}
    copies = {copy.untyped_storage().data_ptr() for _, copy in collected.held_twice}
    used = {one.untyped_storage().data_ptr() for one in weights.tensors(collected)}
    assert used <= storages | copies
    assert all(own.shape[-1] == 3 for own, _ in collected.held_twice)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.is_contiguous()


@torch.inference_mode()
def test_changed_weights_are_seen(network: HotshotUNet) -> None:
    inputs, sample = conditioning(1), torch.randn(1, 4, 2, 8, 8)
    fused = FusedUNet.of(network, Functions())
    for value in network.parameters():
        value.data.mul_(0.9)
    fused.weights.refresh()
    told = fused.tell(inputs["encoder_hidden_states"], inputs["added_cond_kwargs"])
    exact = network(sample, 501, **inputs).sample
    assert difference(fused(sample, torch.tensor([501]), told), exact) < 1e-5


class _Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operators; what is one kernel on a GPU counts as one."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0
        self._inside = False

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.count += not self._inside
        return operator(*args, **(kwargs or {}))

    def kernel(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.count += 1
            self._inside = True
            try:
                return function(*args, **kwargs)
            finally:
                self._inside = False

        return counted


@torch.inference_mode()
def test_a_step_dispatches_far_fewer_operators(network: HotshotUNet) -> None:
    inputs, sample, timestep = conditioning(2), torch.randn(2, 4, 4, 8, 8), torch.tensor([5, 5])
    with _Counted() as written:
        network(sample, timestep, **inputs)
    with _Counted() as counted:
        functions = Functions(ops=Ops(*map(counted.kernel, TORCH)))
        fused = FusedUNet.of(network, functions)
        told = fused.tell(inputs["encoder_hidden_states"], inputs["added_cond_kwargs"])
        counted.count = 0  # that was once a request
        fused(sample, timestep, told)
    assert 500 < counted.count <= 0.6 * written.count


# Two processes one after the other, which have all that is imported from the one that forks them.
COMPILES = """
import os
import sys
from pathlib import Path
import torch
import torch._inductor.codegen.cpp
import torch._inductor.compile_fx
from torch._dynamo.utils import counters
from torch._inductor.utils import clear_caches
from generator.model.fused.compilation import Kernels
from generator.model.fused.ops import Norm

torch._inductor.config.cpp_cache_precompile_headers = False  # they pay from many kernels on

def make():
    torch._dynamo.reset()
    clear_caches()  # what this process has in memory
    counters.clear()
    kernels = Kernels.of(torch.device("cpu"), Path(sys.argv[1]))
    frames = torch.arange(288.0).view(4, 3, 3, 8)
    with torch.inference_mode():
        norm = Norm(torch.ones(8), torch.zeros(8), 1e-5, 4)
        made = kernels.functions.norm_and_activate(frames, 2, norm)
        changed = Norm(torch.full((8,), 2.0), torch.ones(8), 1e-5, 4)  # as by a LoRA
        assert not torch.equal(kernels.functions.norm_and_activate(frames, 2, changed), made)
        assert counters["stats"]["unique_graphs"] == 1, counters
    kernels.files.keep()
    kernels.files.close()
    print(f"{made.sum():.4f}", counters["inductor"]["fxgraph_cache_miss"], flush=True)

def make_again_and_damaged():
    [library] = Path(sys.argv[1]).rglob("*.main.so")
    make()
    part = Path(sys.argv[1]) / "part"
    part.write_bytes(library.read_bytes()[: library.stat().st_size // 4])
    part.replace(library)  # whose whole file this process has in use
    print("damage", file=sys.stderr)
    make()

for process in (make, make_again_and_damaged):
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        assert status == 0, process
        continue
    process()
    break
"""


@pytest.mark.slow
def test_another_process_compiles_nothing_unless_a_file_is_damaged(tmp_path: Path) -> None:
    """What inductor made is found again, by the directory of this machine and these versions."""
    settings = {
        "TORCHINDUCTOR_COMPILE_THREADS": "1",  # no process beside it
        "TORCHINDUCTOR_VEC_ISA_OK": "1",  # what the processor says it has isn't tried by a compiler
        "ATEN_CPU_CAPABILITY": "default",  # what the compiler has least to do with: no vectors,
        "AOT_INDUCTOR_DEBUG_COMPILE": "1",  # and not optimised
    }
    done = subprocess.run(
        [sys.executable, "-c", COMPILES, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **settings},
    )
    (made, first), *later = (line.split() for line in done.stdout.splitlines())
    assert first == "1"
    assert later == [[made, "0"], [made, "1"]]
    whole, _, anew = done.stderr.partition("damage\n")
    assert "are damaged" not in whole
    assert anew.count("are damaged") == 1
