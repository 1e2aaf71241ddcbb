"""What stands between the products, each in one pass over memory, as Triton kernels.

The same as the ``TORCH`` operations of ``ops``, in float32 between reading and writing. Each is
compiled in about a second, for a width and not for a size of clip; Triton keeps it on disk, where
another process finds it. Triton comes with PyTorch for CUDA; nothing imports this without it.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_TILE = 2048  # numbers that a program holds at once
_COLUMNS = 256  # of a tile where columns don't depend on each other
_SUMMED_COLUMNS, _SUMMED_ROWS = 64, 32
_ROWS_A_PART = 512  # of a clip, summed by one program


@triton.jit(do_not_specialize=["count", "per_frame", "frames"])
def _add_norm(
    rows, delta, weight, bias, positions, summed, normed,
    count, width, per_frame, frames, eps,
    HAS_DELTA: tl.constexpr, HAS_POSITIONS: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.arange(0, BLOCK)
    is_column = column < width
    inside = (row < count)[:, None] & is_column[None, :]
    at = row[:, None] * width + column[None, :]
    values = tl.load(rows + at, mask=inside, other=0.0).to(tl.float32)
    if HAS_DELTA:
        values += tl.load(delta + at, mask=inside, other=0.0).to(tl.float32)
        tl.store(summed + at, values, mask=inside)
    mean = tl.sum(values, axis=1) / width
    centered = tl.where(is_column[None, :], values - mean[:, None], 0.0)
    variance = tl.sum(centered * centered, axis=1) / width
    factor = 1.0 / tl.sqrt(variance + eps)
    scale = tl.load(weight + column, mask=is_column, other=0.0).to(tl.float32)
    offset = tl.load(bias + column, mask=is_column, other=0.0).to(tl.float32)
    made = centered * factor[:, None] * scale[None, :] + offset[None, :]
    if HAS_POSITIONS:
        frame = (row // per_frame) % frames
        known = positions + frame[:, None] * width + column[None, :]
        made += tl.load(known, mask=inside, other=0.0).to(tl.float32)
    tl.store(normed + at, made, mask=inside)


def add_norm(
    rows: Tensor, delta: Tensor | None, norm: tuple[Tensor, Tensor, float, int],
    positions: Tensor | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the sum of rows (…, c) and their layer norm; ``positions`` (f, c) go with b f n c."""
    weight, bias, eps, _ = norm
    width = rows.shape[-1]
    rows = rows.contiguous()
    count = rows.numel() // width
    block = triton.next_power_of_2(width)
    at_once = max(1, _TILE // block)
    normed = torch.empty_like(rows)
    summed = rows if delta is None else torch.empty_like(rows)
    frames, per_frame = (rows.shape[1], rows.shape[2]) if positions is not None else (1, 1)
    _add_norm[(triton.cdiv(count, at_once),)](
        rows, rows if delta is None else delta.contiguous(), weight, bias,
        weight if positions is None else positions, summed, normed,
        count, width, per_frame, frames, eps,
        HAS_DELTA=delta is not None, HAS_POSITIONS=positions is not None,
        ROWS=at_once, BLOCK=block, num_warps=4,
    )  # fmt: skip
    return summed, normed


@triton.jit(do_not_specialize=["count"])
def _gate(projected, gated, count, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (row < count)[:, None] & (column < width)[None, :]
    at = projected + row[:, None] * (2 * width) + column[None, :]
    values = tl.load(at, mask=inside, other=0.0).to(tl.float32)
    gates = tl.load(at + width, mask=inside, other=0.0).to(tl.float32)
    made = values * (gates * 0.5 * (1.0 + tl.erf(gates * 0.7071067811865476)))
    tl.store(gated + row[:, None] * width + column[None, :], made, mask=inside)


def gate(projected: Tensor) -> Tensor:
    """Return (…, c) of (…, 2 c): values by GELU of their gates."""
    projected = projected.contiguous()
    width = projected.shape[-1] // 2
    count, at_once = projected.numel() // (2 * width), _TILE // _COLUMNS
    gated = projected.new_empty((*projected.shape[:-1], width))
    grid = (triton.cdiv(count, at_once), triton.cdiv(width, _COLUMNS))
    _gate[grid](projected, gated, count, width, ROWS=at_once, COLUMNS=_COLUMNS, num_warps=4)
    return gated


@triton.jit(do_not_specialize=["count", "part"])
def _channel_sums(
    frames, sums, count, width, part, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):  # fmt: skip
    clip, at_part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    column = tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS)
    is_column = column < width
    begin = clip * count * width
    first = tl.load(frames + begin + column, mask=is_column, other=0.0).to(tl.float32)
    once = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    squared = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    end = tl.minimum((at_part + 1) * part, count)
    for start in range(at_part * part, end, ROWS):
        row = start + tl.arange(0, ROWS)
        inside = (row < end)[:, None] & is_column[None, :]
        at = frames + begin + row.to(tl.int64)[:, None] * width + column[None, :]
        values = tl.load(at, mask=inside, other=0.0).to(tl.float32)
        values = tl.where(inside, values - first[None, :], 0.0)
        once += values
        squared += values * values
    into = sums + (clip * tl.num_programs(1) + at_part) * 2 * width + column
    tl.store(into, tl.sum(once, axis=0), mask=is_column)
    tl.store(into + width, tl.sum(squared, axis=0), mask=is_column)


@triton.jit(do_not_specialize=["count", "parts"])
def _channel_factors(
    frames, sums, shift, weight, bias, factors, count, width, channels, parts, eps,
    HAS_SHIFT: tl.constexpr, PARTS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    clip, group = tl.program_id(0).to(tl.int64), tl.program_id(1)
    own = tl.arange(0, CHANNELS)
    is_own = own < channels
    column = group * channels + own
    part = tl.arange(0, PARTS)
    inside = (part < parts)[:, None] & is_own[None, :]
    at = sums + (clip * parts + part)[:, None] * 2 * width + column[None, :]
    mean = tl.sum(tl.load(at, mask=inside, other=0.0), axis=0) / count
    variance = tl.sum(tl.load(at + width, mask=inside, other=0.0), axis=0) / count - mean * mean
    first = tl.load(frames + clip * count * width + column, mask=is_own, other=0.0)
    mean += first.to(tl.float32)
    moved = tl.zeros((CHANNELS,), dtype=tl.float32)
    if HAS_SHIFT:
        moved = tl.load(shift + clip * width + column, mask=is_own, other=0.0).to(tl.float32)
        mean += moved
    center = tl.sum(tl.where(is_own, mean, 0.0), axis=0) / channels
    apart = mean - center
    spread = tl.sum(tl.where(is_own, variance + apart * apart, 0.0), axis=0) / channels
    scale = tl.load(weight + column, mask=is_own, other=0.0).to(tl.float32)
    factor = scale / tl.sqrt(spread + eps)
    offset = tl.load(bias + column, mask=is_own, other=0.0).to(tl.float32)
    into = factors + clip * 2 * width + column
    tl.store(into, factor, mask=is_own)
    tl.store(into + width, offset + (moved - center) * factor, mask=is_own)


@triton.jit(do_not_specialize=["count"])
def _scale(
    frames, factors, scaled, count, width,
    ACTIVATE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    clip = tl.program_id(1).to(tl.int64)
    column = tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS)
    is_column = column < width
    inside = (row < count)[:, None] & is_column[None, :]
    at = (clip * count + row)[:, None] * width + column[None, :]
    known = factors + clip * 2 * width + column
    factor = tl.load(known, mask=is_column, other=0.0)
    offset = tl.load(known + width, mask=is_column, other=0.0)
    made = tl.load(frames + at, mask=inside, other=0.0).to(tl.float32)
    made = made * factor[None, :] + offset[None, :]
    if ACTIVATE:
        made = made / (1.0 + tl.exp(-made))
    tl.store(scaled + at, made, mask=inside)


def group_norm(
    frames: Tensor, clips: int, norm: tuple[Tensor, Tensor, float, int], shift: Tensor | None,
    *, activate: bool,
) -> Tensor:  # fmt: skip
    """Return (b f) h w c normalized by groups over each clip, after ``shift`` (b, c) float32."""
    weight, bias, eps, groups = norm
    frames = frames.contiguous()
    width = frames.shape[-1]
    count, channels = frames.numel() // (clips * width), width // groups
    parts = min(64, triton.next_power_of_2(triton.cdiv(count, _ROWS_A_PART)))
    part = triton.cdiv(count, parts)
    sums = torch.empty((clips, parts, 2, width), dtype=torch.float32, device=frames.device)
    factors = torch.empty((clips, 2, width), dtype=torch.float32, device=frames.device)
    _channel_sums[(clips, parts, triton.cdiv(width, _SUMMED_COLUMNS))](
        frames, sums, count, width, part,
        ROWS=_SUMMED_ROWS, COLUMNS=_SUMMED_COLUMNS, num_warps=4,
    )  # fmt: skip
    _channel_factors[(clips, groups)](
        frames, sums, weight if shift is None else shift, weight, bias, factors,
        count, width, channels, parts, eps, HAS_SHIFT=shift is not None,
        PARTS=parts, CHANNELS=triton.next_power_of_2(channels), num_warps=1,
    )  # fmt: skip
    scaled, at_once = torch.empty_like(frames), _TILE // _COLUMNS
    _scale[(triton.cdiv(count, at_once), clips, triton.cdiv(width, _COLUMNS))](
        frames, factors, scaled, count, width,
        ACTIVATE=activate, ROWS=at_once, COLUMNS=_COLUMNS, num_warps=4,
    )  # fmt: skip
    return scaled


@triton.jit(do_not_specialize=["count"])
def _add(
    frames, more, bias, added, count, width,
    HAS_BIAS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    is_column = column < width
    inside = (row < count)[:, None] & is_column[None, :]
    at = row[:, None] * width + column[None, :]
    made = tl.load(frames + at, mask=inside, other=0.0).to(tl.float32)
    made += tl.load(more + at, mask=inside, other=0.0).to(tl.float32)
    if HAS_BIAS:
        made += tl.load(bias + column, mask=is_column, other=0.0).to(tl.float32)[None, :]
    tl.store(added + at, made, mask=inside)


def add(frames: Tensor, more: Tensor, bias: Tensor | None) -> Tensor:
    """Return the sum of two (…, c) and of a bias (c)."""
    frames, more = frames.contiguous(), more.contiguous()
    width = frames.shape[-1]
    count, at_once = frames.numel() // width, _TILE // _COLUMNS
    added = torch.empty_like(frames)
    _add[(triton.cdiv(count, at_once), triton.cdiv(width, _COLUMNS))](
        frames, more, more if bias is None else bias, added, count, width,
        HAS_BIAS=bias is not None, ROWS=at_once, COLUMNS=_COLUMNS, num_warps=4,
    )  # fmt: skip
    return added


@triton.jit(do_not_specialize=["count", "positions"])
def _attend_in_time(
    projected, mixed, count, positions, heads, width, scale,
    FRAMES: tl.constexpr, WIDTH: tl.constexpr,
):  # fmt: skip
    place, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    frame, column = tl.arange(0, FRAMES), tl.arange(0, WIDTH)
    row = ((place // positions) * count + frame) * positions + place % positions
    inside = (frame < count)[:, None] & (column < width)[None, :]
    whole = heads * width
    at = projected + row[:, None] * (3 * whole) + head * width + column[None, :]
    query = tl.load(at, mask=inside, other=0.0)
    key = tl.load(at + whole, mask=inside, other=0.0)
    value = tl.load(at + 2 * whole, mask=inside, other=0.0)
    scores = tl.dot(query, tl.trans(key), input_precision="ieee") * scale
    scores = tl.where((frame < count)[None, :], scores, float("-inf"))
    weights = tl.exp(scores - tl.max(scores, axis=1)[:, None])
    weights = weights / tl.sum(weights, axis=1)[:, None]
    made = tl.dot(weights.to(value.dtype), value, input_precision="ieee")
    into = mixed + row[:, None] * whole + head * width + column[None, :]
    tl.store(into, made, mask=inside)


def attend_in_time(projected: Tensor, heads: int) -> Tensor:
    """Return b f n (h d) of queries, keys and values b f n (3 h d): attention along f."""
    projected = projected.contiguous()
    clips, count, positions, whole = projected.shape
    width = whole // (3 * heads)
    block = max(16, triton.next_power_of_2(width))
    mixed = projected.new_empty((clips, count, positions, heads * width))
    _attend_in_time[(clips * positions, heads)](
        projected, mixed, count, positions, heads, width, width**-0.5,
        FRAMES=max(16, triton.next_power_of_2(count)), WIDTH=block,
        num_warps=1 if block <= 64 else 2 if block <= 128 else 4,
    )  # fmt: skip
    return mixed
