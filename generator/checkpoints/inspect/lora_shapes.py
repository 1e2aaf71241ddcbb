"""Whether an adapter's tensors for one layer belong together, and what they change: by shapes.

The arithmetic itself is in ``generator.checkpoints.lora_delta``; this says beforehand, without
torch and without a tensor read, that it will work.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from generator.contract.text import Text

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]  # by role, see ``lora_names``

_HADAMARD = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
_RANKS = ("down", "hada_w1_b", "lokr_w1_b", "lokr_w2_b")
_BESIDE = {"alpha", "dora", "dora_scale", "diff_b"}  # what may stand beside any of the ways


class MisfitError(Exception):
    """Tensors don't belong together, or not to a layer; ``reason`` is part of a sentence."""

    def __init__(self, reason: Text) -> None:
        self.reason = reason
        super().__init__(str(reason))


def rank_of(shapes: Shapes) -> int | None:
    """Return what alpha is divided by.

    None is returned where no tensor says it, as in LoKr with whole factors.
    """
    return next((shapes[role][0] for role in _RANKS if shapes.get(role)), None)


def change_of(shapes: Shapes) -> Shape | None:
    """Return the shape of what is added to the layer's weight; None where only its bias is changed.

    Raises MisfitError where the parts don't make up one change.
    """
    if any(edge != 1 for edge in shapes.get("alpha", ())):
        raise _senseless("alpha")
    roles = shapes.keys() - _BESIDE
    if not roles:
        if "diff_b" in shapes and not shapes.keys() & {"dora", "dora_scale"}:
            return None
        raise _misplaced(*shapes)
    if any(edge == 0 for shape in shapes.values() for edge in shape):
        raise MisfitError(Text("rank 0"))
    if {"dora", "dora_scale"} <= shapes.keys():
        raise MisfitError(Text("it has two magnitudes"))
    if "diff" in roles:
        change, used = shapes["diff"], {"diff"}
    elif roles & {"down", "up", "mid"}:
        change, used = _low_rank(shapes)
    elif any(role.startswith("hada_") for role in roles):
        change, used = _hadamard(shapes)
    else:
        change, used = _kronecker(shapes)
    if roles - used:
        raise _misplaced(*(roles - used))
    return change


def check_fits(shapes: Shapes, change: Shape | None, weight: Shape, *, takes_bias: bool) -> None:
    """Raise MisfitError where the parts, which make up ``change``, are for another ``weight``."""
    if change is not None and (change[:1] != weight[:1] or prod(change) != prod(weight)):
        raise MisfitError(Text("{found} instead of {wanted}", found=change, wanted=weight))
    for role, axis in (("dora", 0), ("dora_scale", axis_of(shapes.get("dora_scale", ())))):
        if role in shapes:
            _check_lengths(prod(shapes[role]), weight, axis)
    for role in ("diff_b", "up_b"):
        if role not in shapes:
            continue
        if not takes_bias:
            raise _misplaced(role)
        if prod(shapes[role]) != weight[0]:
            found = shapes[role]
            raise MisfitError(Text("{found} instead of {wanted}", found=found, wanted=weight[:1]))


def axis_of(lengths: Shape) -> int:
    """Return the axis of DoRA's lengths: of outputs, (n, 1, ...), or inputs, (1, n, ...)."""
    return 1 if len(lengths) > 1 and lengths[0] == 1 else 0


def _check_lengths(found: int, weight: Shape, axis: int) -> None:
    if len(weight) < 2:
        raise _misplaced("dora")
    if found != weight[axis]:
        raise MisfitError(
            Text("{found} lengths instead of {wanted}", found=found, wanted=weight[axis])
        )


def _low_rank(shapes: Shapes) -> tuple[Shape, set[str]]:
    down, up = _matrices(shapes, "down", "up")
    out, rank = up[0], prod(up[1:])
    if "mid" not in shapes:
        _check_same("up", rank, "down", down[0])
        return (out, *down[1:]), {"down", "up", "up_b"}
    core = _core(shapes, "mid", ("up", rank), ("down", down[0]))
    return (out, prod(down[1:]), *core), {"down", "up", "up_b", "mid"}


def _hadamard(shapes: Shapes) -> tuple[Shape, set[str]]:
    pairs = _matrices(shapes, *_HADAMARD)
    cores = {"hada_t1", "hada_t2"} & shapes.keys()
    products: list[Shape] = []
    for number, (left, right) in enumerate((pairs[:2], pairs[2:]), 1):
        if len(left) != 2 or len(right) != 2:
            raise _senseless(f"hada_w{number}_a")
        if not cores:
            _check_same(f"hada_w{number}_a", left[1], f"hada_w{number}_b", right[0])
            products.append((left[0], right[1]))
            continue
        core = f"hada_t{number}"
        sides = (f"hada_w{number}_a", left[0]), (f"hada_w{number}_b", right[0])
        products.append((left[1], right[1], *_core(shapes, core, *sides)))
    if products[0] != products[1]:
        raise MisfitError(
            Text("{found} instead of {wanted}", found=products[1], wanted=products[0])
        )
    return products[0], {*_HADAMARD, *cores}


def _kronecker(shapes: Shapes) -> tuple[Shape, set[str]]:
    first, used = _factor(shapes, "w1", "")
    second, more = _factor(shapes, "w2", "lokr_t2")
    if len(first) != 2 or len(second) not in (2, 4):
        raise _senseless("lokr_w1" if len(first) != 2 else "lokr_w2")
    return (first[0] * second[0], first[1] * second[1], *second[2:]), used | more


def _factor(shapes: Shapes, name: str, core: str) -> tuple[Shape, set[str]]:
    whole, left, right = (f"lokr_{name}{end}" for end in ("", "_a", "_b"))
    if whole in shapes:
        return shapes[whole], {whole}
    if not {left, right} & shapes.keys():
        raise MisfitError(Text("{role} is missing", role=whole))
    a, b = _matrices(shapes, left, right)
    if len(a) != 2 or len(b) != 2:
        raise _senseless(left)
    if core in shapes:
        return (a[1], b[1], *_core(shapes, core, (left, a[0]), (right, b[0]))), {left, right, core}
    _check_same(left, a[1], right, b[0])
    return (a[0], b[1]), {left, right}


def _core(shapes: Shapes, core: str, left: tuple[str, int], right: tuple[str, int]) -> Shape:
    """Return the kernel's edges of a Tucker core between two matrices, of (role, rank) each."""
    if core not in shapes:
        raise MisfitError(Text("{role} is missing", role=core))
    found = shapes[core]
    if len(found) != 4:
        raise _senseless(core)
    _check_same(core, found[0], *left)
    _check_same(core, found[1], *right)
    return found[2:]


def _matrices(shapes: Shapes, *roles: str) -> list[Shape]:
    for role in roles:
        if role not in shapes:
            raise MisfitError(Text("{role} is missing", role=role))
        if len(shapes[role]) < 2:
            raise _senseless(role)
    return [shapes[role] for role in roles]


def _check_same(one: str, rank: int, other: str, other_rank: int) -> None:
    if rank != other_rank:
        raise MisfitError(
            Text(
                "{one} is of rank {rank} and {other} of rank {other_rank}",
                one=one,
                rank=rank,
                other=other,
                other_rank=other_rank,
            )
        )


def _senseless(role: str) -> MisfitError:
    return MisfitError(Text("the shape of {role} makes no sense", role=role))


def _misplaced(*roles: str) -> MisfitError:
    return MisfitError(Text("{roles} has no place in it", roles=", ".join(sorted(roles))))
