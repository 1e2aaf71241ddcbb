"""What a job will take here, learnt from what others took: frames x steps x pixels x ControlNets.

A clip that begins from a picture leaves out the first steps, and so does its cost.

One linear model for each device, fitted by least squares on the *relative* error, older jobs
counting less and less; a little ridge keeps the first few from being over-read. Its sums are all
that has to be kept. Pure; no numpy, which the bot doesn't hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from generator.protocol import Request

_DECAY = 0.97  # a job's weight after each one that follows
# A ControlNet is half a UNet, so about so much more work; what it really is, is learnt.
_CONTROL_SHARE = 0.4
# How firmly each coefficient is held at nothing: the denoising is believed first.
_RIDGE = (1e-5, 1e-2, 1e-3, 1e-3)
_SIZE = len(_RIDGE)
_PAINTED = 2


def features(request: Request) -> tuple[float, ...]:
    """What the time depends on: denoising, its ControlNets, painting the frames, and a constant.

    Megapixels; a guided step is two.
    """
    painted = request.video_length * request.width * request.height / 1e6
    guided = request.guidance_end - request.guidance_start if request.guidance_scale > 1 else 0.0
    denoised = painted * request.steps_made * (1 + guided)
    followed = sum(max(0.0, control.end - control.start) for control in request.controls)
    return (denoised * (1 + _CONTROL_SHARE * followed), denoised * followed, painted, 1.0)


@dataclass(slots=True)
class CostModel:
    """Of one model on one device. ``products`` and ``targets`` are the normal equations' sums."""

    products: list[list[float]] = field(
        default_factory=lambda: [[0.0] * _SIZE for _ in range(_SIZE)]
    )
    targets: list[float] = field(default_factory=lambda: [0.0] * _SIZE)
    _fitted: list[float] | None = field(default=None, init=False, repr=False, compare=False)

    def learn(self, request: Request, seconds: float) -> None:
        """Takes in a job that took ``seconds``."""
        inputs = features(request)
        self._fitted = None
        weight = 1 / max(seconds, 0.01) ** 2
        for row, first in enumerate(inputs):
            self.targets[row] = self.targets[row] * _DECAY + weight * first * seconds
            for column, second in enumerate(inputs):
                kept = self.products[row][column] * _DECAY
                self.products[row][column] = kept + weight * first * second

    def seconds(self, request: Request) -> float | None:
        """What it may take; None where nothing was learnt yet."""
        coefficients = self._coefficients()
        if coefficients is None:
            return None
        terms = zip(coefficients, features(request), strict=True)
        return sum(each * value for each, value in terms)

    def painting(self, request: Request) -> float | None:
        """What is left of that once the last step is done."""
        if (coefficients := self._coefficients()) is None:
            return None
        return coefficients[_PAINTED] * features(request)[_PAINTED]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"products": self.products, "targets": self.targets}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse; sums of another shape, as an older version may have kept, are left out."""
        products, targets = values.get("products", []), values.get("targets", [])
        if [len(row) for row in products] != [_SIZE] * _SIZE or len(targets) != _SIZE:
            return cls()
        return cls([list(map(float, row)) for row in products], list(map(float, targets)))

    def _coefficients(self) -> list[float] | None:
        if self._fitted is None and any(self.targets):
            self._fitted = self._fit()
        return self._fitted

    def _fit(self) -> list[float]:
        """None below zero: what would be is left out, and the others are fitted without it."""
        used = list(range(_SIZE))
        while True:
            found = _solve(
                [
                    [self.products[row][column] + _RIDGE[row] * (row == column) for column in used]
                    for row in used
                ],
                [self.targets[row] for row in used],
            )
            negative = [index for index, value in zip(used, found, strict=True) if value < 0]
            if not negative:
                break
            used = [index for index in used if index not in negative]
        by_index = dict(zip(used, found, strict=True))
        return [by_index.get(index, 0.0) for index in range(_SIZE)]


class Costs:
    """The models of all devices; without a device, what their mean says."""

    def __init__(self, learnt: Mapping[str, Any] | None = None) -> None:
        self._models = {
            device: CostModel.from_dict(sums) for device, sums in (learnt or {}).items()
        }

    def learn(self, device: str, request: Request, seconds: float) -> dict[str, Any]:
        """Takes in a job; returns the device's sums, to be kept."""
        model = self._models.setdefault(device, CostModel())
        model.learn(request, seconds)
        return model.to_dict()

    def seconds(self, request: Request, device: str | None = None) -> float | None:
        """What it may take; None where nothing is known."""
        if device in self._models:
            return self._models[device].seconds(request)
        return _mean(model.seconds(request) for model in self._models.values())

    def painting(self, request: Request) -> float | None:
        """What is left of that once the last step is done."""
        return _mean(model.painting(request) for model in self._models.values())


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _solve(matrix: Sequence[Sequence[float]], target: Sequence[float]) -> list[float]:
    """Gauss's elimination with pivots; the ridge keeps the matrix regular."""
    rows = [[*row, value] for row, value in zip(matrix, target, strict=True)]
    for column in range(len(rows)):
        best = max(range(column, len(rows)), key=lambda row: abs(rows[row][column]))
        rows[column], rows[best] = rows[best], rows[column]
        for row in range(column + 1, len(rows)):
            factor = rows[row][column] / rows[column][column]
            rows[row] = [
                own - factor * above for own, above in zip(rows[row], rows[column], strict=True)
            ]
    solution = [0.0] * len(rows)
    for row in reversed(range(len(rows))):
        known = sum(rows[row][later] * solution[later] for later in range(row + 1, len(rows)))
        solution[row] = (rows[row][-1] - known) / rows[row][row]
    return solution
