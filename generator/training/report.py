"""The report of a run: one HTML file with loss curves and the validation GIFs over time.

Pure: values in, a page out. It needs no server and nothing from elsewhere; the GIFs are linked
relative to it.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Lines = Sequence[dict[str, Any]]

_WIDTH, _HEIGHT, _MARGIN = 860, 240, 56
_MOST_POINTS = 800  # a curve with more is thinned by means
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }}
body {{ max-width: 960px; margin: 2rem auto; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }} td, th {{ padding: .25rem .5rem; text-align: left; }}
.raw {{ stroke: #8886; }} .mean {{ stroke: #d33; stroke-width: 2; }}
.axis {{ stroke: #8888; }} text {{ fill: currentColor; font-size: 12px; }}
.films {{ overflow-x: auto; }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
{body}
</html>
"""


@dataclass(frozen=True, slots=True)
class ValidationGifs:
    """The validation GIFs after a step: each prompt with its file, relative to the report."""

    done: int
    gifs: tuple[tuple[str, str], ...]


def read_validations(directory: Path) -> list[ValidationGifs]:
    """Read which validation GIFs there are so far, the oldest first."""
    validations = []
    for folder in sorted(directory.glob("step-*")):
        prompts_file = folder / "prompts.json"
        if prompts_file.is_file():
            names = json.loads(prompts_file.read_text(encoding="utf-8"))
            gifs = ((prompt, f"{directory.name}/{folder.name}/{name}") for name, prompt in
                    names.items())  # fmt: skip
            validations.append(ValidationGifs(int(folder.name.removeprefix("step-")), tuple(gifs)))
    return validations


def page(title: str, lines: Lines, validations: Sequence[ValidationGifs], *, steps: int) -> str:
    """Return the whole HTML page; ``lines`` are those of metrics.jsonl."""
    curves = [
        ("Loss", _curve([(line["done"], line["loss"]) for line in lines], smoothed=True)),
        ("Learning rate", _curve([(line["done"], line["learning_rate"]) for line in lines])),
        ("Gradient norm", _curve([(line["done"], line["gradient_norm"]) for line in lines])),
    ]
    body = [f"<h2>{name}</h2>\n{curve}" for name, curve in curves if curve]
    if validations:
        body.append(f"<h2>Validation</h2>\n{_gif_table(validations)}")
    return _PAGE.format(
        title=html.escape(title), summary=_summary(lines, steps), body="\n".join(body)
    )


def _summary(lines: Lines, steps: int) -> str:
    if not lines:
        return f"No step of {steps} is done yet."
    recent = [line["loss"] for line in lines[-100:]]
    seconds = sorted(line["seconds"] for line in lines)[len(lines) // 2]
    return (
        f"{lines[-1]['done']} of {steps} steps, {seconds:.2f} s each at the median; mean loss of "
        f"the last {len(recent)}: {sum(recent) / len(recent):.4f}."
    )


def _curve(points: list[tuple[int, float]], *, smoothed: bool = False) -> str:
    points = _thin([(x, y) for x, y in points if math.isfinite(y)])
    if len(points) < 2:
        return ""
    bounds = _Bounds.of(points)
    drawn = [
        f'<path class="{"raw" if smoothed else "mean"}" fill="none" d="{bounds.path(points)}"/>'
    ]
    if smoothed:
        drawn.append(f'<path class="mean" fill="none" d="{bounds.path(_running_mean(points))}"/>')
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{bounds.axes()}{"".join(drawn)}</svg>'


@dataclass(frozen=True, slots=True)
class _Bounds:
    left: float
    right: float
    low: float
    high: float

    @classmethod
    def of(cls, points: list[tuple[int, float]]) -> _Bounds:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        low, high = min(ys), max(ys)
        room = 0.0 if high > low else abs(low) / 2 or 1.0  # what is constant runs in the middle
        return cls(min(xs), max(xs), low - room, high + room)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        return "M" + " L".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)

    def axes(self) -> str:
        bottom, top = self._y(self.low), self._y(self.high)
        ticks = "".join(
            f'<text x="{_MARGIN - 6}" y="{y + 4:.0f}" text-anchor="end">{value:.3g}</text>'
            for value, y in ((self.low, bottom), (self.high, top))
        ) + "".join(
            f'<text x="{self._x(x):.0f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{x:.0f}</text>'
            for x, anchor in ((self.left, "start"), (self.right, "end"))
        )
        line = f"M{_MARGIN},{top:.0f} V{bottom:.0f} H{_WIDTH - 8}"
        return f'<path class="axis" fill="none" d="{line}"/>{ticks}'

    def _x(self, value: float) -> float:
        return _MARGIN + (value - self.left) / (self.right - self.left) * (_WIDTH - _MARGIN - 8)

    def _y(self, value: float) -> float:
        room = _HEIGHT - 36
        return 10 + room * (1 - (value - self.low) / (self.high - self.low))


def _thin(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    size = math.ceil(len(points) / _MOST_POINTS) or 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def _running_mean(points: list[tuple[int, float]]) -> list[tuple[float, float]]:
    """Return a running mean over about a twentieth of the curve."""
    weight = min(1.0, 20 / len(points))
    mean, drawn = points[0][1], []
    for x, y in points:
        mean += weight * (y - mean)
        drawn.append((float(x), mean))
    return drawn


def _gif_table(validations: Sequence[ValidationGifs]) -> str:
    prompts = list(
        dict.fromkeys(prompt for validation in validations for prompt, _ in validation.gifs)
    )
    head = "".join(f"<th>{html.escape(prompt)}</th>" for prompt in prompts)
    rows = []
    for validation in validations:
        files = dict(validation.gifs)
        cells = "".join(
            f'<td><img src="{html.escape(files[prompt])}" width="192" loading="lazy" alt=""></td>'
            if prompt in files
            else "<td></td>"
            for prompt in prompts
        )
        rows.append(f"<tr><th>{validation.done}</th>{cells}</tr>")
    return f'<div class="films"><table><tr><th>step</th>{head}</tr>{"".join(rows)}</table></div>'
