"""What a job will take here, learnt from what the last ones took.

Three steps. A linear model over frames x steps x pixels x ControlNets says what a job of any kind
may take, also one of a kind that never came. Then the jobs that were most like it say how far off
that model is for their kind: whatever isn't linear (a kernel for another size, a picture that is
read first) is in that. Last, the newest jobs of any kind say whether the machine is slower now than
it was. All are robust: a first job that took five times as long, since everything was cold, is not
believed. Jobs of one device are kept together. Pure; no numpy, which the bot doesn't hold.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement, zip_longest
from operator import mul
from typing import Any, NamedTuple, Self

from generator.contract.messages import Request
from generator.contract.request_shape import remembered_by_shape
from generator.contract.stages import total_cost

_MAX_SAMPLES = 120  # jobs of a device
_DECAY = 0.97  # an older job's weight in the linear model, for each one that came after it
_KIND_DECAY = 0.95  # the same, among jobs alike
_NEWEST = 12  # jobs that tell the machine's pace now
_NOW_DECAY = 0.75  # the same, among these
# A ControlNet is half a UNet, so about so much more work; what it really is, is learnt.
_CONTROL_SHARE = 0.4
# How firmly each coefficient is held at nothing: the denoising is believed first.
_RIDGE = (1e-5, 1e-2, 1e-3, 1e-3)
_SIZE = len(_RIDGE)
_POSITION_SCALE = 0.15  # jobs that differ by so much in the logarithms of their work count half
_RESIDUAL_SCALE = 0.2  # so far from the model, as a logarithm, a job counts half
_ROUNDS = 4  # of fitting and weighing again
_PRIOR_WEIGHT = 0.5  # jobs alike that the model itself is worth
_LEAST_SECONDS = 0.01
# A fit takes milliseconds of the event loop, so after quick jobs it waits for more of them.
_FEW = 20  # jobs, which are quickly fitted
_FIT_AFTER = 0.5  # seconds of new ones


def features(request: Request) -> tuple[float, ...]:
    """Return what time depends on: denoising, its ControlNets, painting the frames, a constant.

    Megapixels, of all stages together; a guided step is two.
    """
    cost = total_cost(request)
    denoised = cost.denoised + _CONTROL_SHARE * cost.controlled
    return (denoised, cost.controlled, cost.painted, 1.0)


def kind(request: Request) -> tuple[int, ...]:
    """Return what else tells jobs apart: counts of LoRAs and ControlNets, and of init images.

    Where stages were chosen, their number as well.
    """
    counts = (len(request.loras), len(request.controls), int(bool(request.image)))
    return (*counts, len(request.stages)) if request.stages else counts


@remembered_by_shape
def _asked(request: Request) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return the features and the kind, by which a job is looked up among others."""
    return tuple(map(_rounded, features(request))), kind(request)


class Sample(NamedTuple):
    """A job that was made; ``after_steps`` of its ``seconds`` passed after its last step.

    ``file_seconds`` of these are its file's, while its worker was free for another job.
    """

    features: tuple[float, ...]
    kind: tuple[int, ...]
    seconds: float
    after_steps: float
    file_seconds: float = 0.0


class Estimate(NamedTuple):
    """Seconds that a job may take in all, and parts of them: as a ``Sample``'s."""

    seconds: float
    after_steps: float
    file_seconds: float


class _Neighbour(NamedTuple):
    """A job that was made, as a job like it looks at it; ``off`` is a logarithm."""

    position: tuple[float, ...]
    kind: tuple[int, ...]
    weight: float
    off: float
    share_after_steps: float
    share_of_file: float


@dataclass(slots=True)
class CostModel:
    """Estimates what jobs take on one device; ``jobs`` stand in the order they were made in."""

    jobs: list[Sample] = field(default_factory=list)
    _coefficients: list[float] = field(default_factory=list, init=False, repr=False, compare=False)
    _neighbours: list[_Neighbour] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    _drift: float = field(default=0.0, init=False, repr=False, compare=False)
    _not_fitted: float = field(default=0.0, init=False, repr=False, compare=False)  # seconds
    _estimates: dict[Any, Estimate] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def learn(
        self,
        request: Request,
        seconds: float,
        after_steps: float = 0.0,
        file_seconds: float = 0.0,
    ) -> bool:
        """Learn from a job, with the parts of a ``Sample``; return whether estimates change now."""
        seconds = _rounded(max(seconds, _LEAST_SECONDS))
        work, of = _asked(request)
        after_steps = _rounded(min(after_steps, seconds))
        file_seconds = _rounded(min(file_seconds, after_steps))
        sample = Sample(work, of, seconds, after_steps, file_seconds)
        self.jobs = [*self.jobs, sample][-_MAX_SAMPLES:]
        self._not_fitted += seconds
        is_due = len(self.jobs) <= _FEW or self._not_fitted >= _FIT_AFTER
        if is_due:
            self._coefficients, self._not_fitted = [], 0.0
        return is_due

    def estimate(self, request: Request) -> Estimate | None:
        """Return how long a job may take; None where nothing was learnt yet."""
        return self._estimate(request) if self.jobs else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "jobs": [
                [list(sample.features), list(sample.kind), *sample[2:]] for sample in self.jobs
            ]
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` wrote; what another version kept is left out."""
        try:
            jobs = [
                Sample(tuple(map(float, work)), tuple(map(int, of)), *map(float, seconds))
                for work, of, *seconds in values.get("jobs", [])
            ]
        except (TypeError, ValueError):
            return cls()
        are_whole = all(len(sample.features) == _SIZE and sample.seconds > 0 for sample in jobs)
        return cls(jobs[-_MAX_SAMPLES:]) if are_whole else cls()

    def _estimate(self, request: Request) -> Estimate:
        """Return what is estimated; a queue of alike jobs asks often."""
        if not self._coefficients:
            self._fit()
        asked = _asked(request)
        if asked not in self._estimates:
            self._estimates[asked] = self._alike(*asked)
        return self._estimates[asked]

    def _alike(self, work: tuple[float, ...], of: tuple[int, ...]) -> Estimate:
        """Return the linear model's seconds, put right by jobs alike and the machine's pace now."""
        off, after_steps, file = self._residual(_position(work), of)
        seconds = _predicted(self._coefficients, work) * math.exp(off + self._drift)
        return Estimate(seconds, seconds * after_steps, seconds * file)

    def _residual(
        self, position: tuple[float, ...], of: tuple[int, ...]
    ) -> tuple[float, float, float]:
        """Return how far off the model is for jobs alike, and their shares: after the steps, and
        of the file.
        """
        weights = self._weights(position, of)
        after_steps = [neighbour.share_after_steps for neighbour in self._neighbours]
        file = [neighbour.share_of_file for neighbour in self._neighbours]
        return self._off(weights), _median(after_steps, weights), _median(file, weights)

    def _weights(self, position: tuple[float, ...], of: tuple[int, ...]) -> list[float]:
        """Return what each neighbour says of such a job; most of them are of a few kinds."""
        alike: dict[tuple[Any, ...], float] = {}
        weights = []
        for neighbour in self._neighbours:
            if (found := alike.get(neighbour[:2])) is None:
                found = alike[neighbour[:2]] = _similarity(neighbour, position, of)
            weights.append(neighbour.weight * found)
        return weights

    def _off(self, weights: Sequence[float]) -> float:
        off = [neighbour.off for neighbour in self._neighbours]
        return _median([*off, 0.0], [*weights, _PRIOR_WEIGHT])

    def _fit(self) -> None:
        """Fit least squares of the relative error, over and over: what is far off counts less.

        Called on the event loop; so it goes through the jobs as seldom as it can.
        """
        ages = [_DECAY**age for age in reversed(range(len(self.jobs)))]
        trust = [1.0] * len(self.jobs)
        work = _Work.of(self.jobs)
        off = trust
        for _ in range(_ROUNDS):
            self._coefficients = _fitted(work, list(map(mul, ages, trust)))
            off = [
                -math.log(max(sum(map(mul, self._coefficients, row)), _LEAST_SECONDS * row[-1]))
                for row in work.rows
            ]
            middle = _median(off, ages)
            trust = [1 / (1 + ((each - middle) / _RESIDUAL_SCALE) ** 2) for each in off]
        self._neighbours = [
            _Neighbour(
                _position(sample.features),
                sample.kind,
                _KIND_DECAY**later,
                residual,
                sample.after_steps / sample.seconds,
                sample.file_seconds / sample.seconds,
            )
            for sample, later, residual in zip(self.jobs, _later_alike(self.jobs), off, strict=True)
        ]
        self._drift = self._drift_of(self._neighbours[: -_NEWEST - 1 : -1])
        self._estimates = {}

    def _drift_of(self, newest: Sequence[_Neighbour]) -> float:
        """Return the machine's pace now, as a logarithm: how far off the newest are for theirs."""
        usual: dict[tuple[Any, ...], float] = {}
        drifts = []
        for neighbour in newest:
            if (found := usual.get(neighbour[:2])) is None:
                found = usual[neighbour[:2]] = self._off(self._weights(*neighbour[:2]))
            drifts.append(neighbour.off - found)
        weights = [_NOW_DECAY**age for age in range(len(newest))]
        return _median([*drifts, 0.0], [*weights, _PRIOR_WEIGHT])


class CostModels:
    """The models of all devices; without a device, their mean. ``version`` is that of estimates."""

    def __init__(self, learnt: Mapping[str, Any] | None = None) -> None:
        self._models = {
            device: CostModel.from_dict(kept) for device, kept in (learnt or {}).items()
        }
        self.version = 0

    def learn(
        self,
        device: str,
        request: Request,
        seconds: float,
        after_steps: float = 0.0,
        file_seconds: float = 0.0,
    ) -> None:
        """Learn from a job."""
        model = self._models.setdefault(device, CostModel())
        self.version += model.learn(request, seconds, after_steps, file_seconds)

    def known(self, device: str) -> dict[str, Any]:
        """Return what is known of a device, to be kept."""
        return self._models[device].to_dict()

    def estimate(self, request: Request, device: str | None = None) -> Estimate | None:
        """Return how long a job may take; None where nothing is known."""
        estimates = (model.estimate(request) for model in self._of(device))
        known = [each for each in estimates if each is not None]
        if len(known) == 1:
            return known[0]
        return Estimate(*map(statistics.fmean, zip(*known, strict=True))) if known else None

    def seconds(self, request: Request, device: str | None = None) -> float | None:
        """Return how long a job may take in all; None where nothing is known."""
        estimate = self.estimate(request, device)
        return None if estimate is None else estimate.seconds

    def _of(self, device: str | None) -> Iterable[CostModel]:
        known = self._models.get(device or "")
        return self._models.values() if known is None else [known]


# -- arithmetic ------------------------------------------------------------------------------------


class _Work(NamedTuple):
    """What jobs did, over their seconds: a row a job, and its columns and their products."""

    rows: list[list[float]]
    columns: list[tuple[float, ...]]
    products: dict[tuple[int, int], list[float]]

    @classmethod
    def of(cls, jobs: Sequence[Sample]) -> Self:
        rows = [[each / sample.seconds for each in sample.features] for sample in jobs]
        columns = list(zip(*rows, strict=True))
        pairs = combinations_with_replacement(range(_SIZE), 2)
        products = {(one, two): list(map(mul, columns[one], columns[two])) for one, two in pairs}
        return cls(rows, columns, products)


def _fitted(work: _Work, weights: Sequence[float]) -> list[float]:
    """Return coefficients, none below zero: the others are fitted without those that would be."""
    targets = [sum(map(mul, weights, column)) for column in work.columns]
    products = {pair: sum(map(mul, weights, each)) for pair, each in work.products.items()}
    used = list(range(_SIZE))
    while used:
        found = _solve(
            [
                [
                    products[min(row, column), max(row, column)] + _RIDGE[row] * (row == column)
                    for column in used
                ]
                for row in used
            ],
            [targets[row] for row in used],
        )
        negative = [index for index, value in zip(used, found, strict=True) if value < 0]
        if not negative:
            break
        used = [index for index in used if index not in negative]
    by_index = dict(zip(used, found, strict=True))
    return [by_index.get(index, 0.0) for index in range(_SIZE)]


def _predicted(coefficients: Sequence[float], work: Sequence[float]) -> float:
    terms = zip(coefficients, work, strict=True)
    return max(sum(each * value for each, value in terms), _LEAST_SECONDS)


def _position(work: Sequence[float]) -> tuple[float, ...]:
    """Return where a job stands among others: its denoising, its ControlNets, its pixels."""
    denoised, followed, painted, _ = work
    return (math.log(denoised + 1e-6), followed / (denoised + 1e-6), math.log(painted + 1e-6))


def _similarity(neighbour: _Neighbour, position: tuple[float, ...], of: tuple[int, ...]) -> float:
    """Return how alike a job is, from 1 for the very same kind down to nearly nothing."""
    denoised, followed, painted = position
    here = neighbour.position
    apart = (here[0] - denoised) ** 2 + (here[1] - followed) ** 2 + (here[2] - painted) ** 2
    others = 0 if neighbour.kind == of else _apart(neighbour.kind, of)
    return 1 / (1 + apart / _POSITION_SCALE**2 + others) ** 2


def _apart(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Return by how many LoRAs, ControlNets, init images and stages two kinds differ."""
    return sum(abs(here - there) for here, there in zip_longest(one, other, fillvalue=0))


def _later_alike(jobs: Sequence[Sample]) -> list[int]:
    """Return how many jobs of the very same kind came after each."""
    seen: Counter[tuple[Any, ...]] = Counter()
    later = []
    for sample in reversed(jobs):
        later.append(seen[sample[:2]])
        seen[sample[:2]] += 1
    return later[::-1]


def _median(values: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted median; between the two in the middle where it falls between."""
    ordered = sorted(zip(values, weights, strict=True))
    half, reached = sum(weights) / 2, 0.0
    for number, (value, weight) in enumerate(ordered):
        reached += weight
        if math.isclose(reached, half) and number + 1 < len(ordered):
            return (value + ordered[number + 1][0]) / 2
        if reached > half:
            return value
    return ordered[-1][0]


def _rounded(value: float) -> float:
    """Return a value with few digits, since a hundred jobs are written after each one."""
    return float(f"{value:.6g}")


def _solve(matrix: Sequence[Sequence[float]], target: Sequence[float]) -> list[float]:
    """Solve a linear system by Gauss's elimination with pivots; the ridge keeps it regular."""
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
