"""Measures how the house is built: ``python -m tools.house_report [--root DIR] [--before DIR]``.

Prints a Markdown table of a checkout, and of an earlier one beside it. A room is a package of
``bot`` or ``generator``; what is read from the source counts each module but ``__init__.py``.
``--list`` names what the table counts. What a delivery passes is measured: see ``delivery_path``.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.delivery_path import CARRIERS, DeliveryPath, follow
from tools.source_tree import Module, near_duplicates, read_modules, test_count

ROOT = Path(__file__).parent.parent
_LONG = 400  # lines
_SHORT = 60


@dataclass(frozen=True, slots=True)
class HouseReport:
    """What one checkout is like; ``path`` is None where no delivery was followed."""

    modules: Mapping[str, Module]
    duplicates: Sequence[tuple[str, str]]
    tests: int
    path: DeliveryPath | None

    @classmethod
    def of(cls, root: Path, *, with_delivery: bool) -> HouseReport:
        modules = read_modules(root)
        return cls(
            modules,
            near_duplicates(modules.values()),
            test_count(root / "tests"),
            follow(root) if with_delivery else None,
        )

    def rows(self) -> Iterator[tuple[str, str]]:
        """What, and how much or how many."""
        rooms = self.rooms
        largest, most = rooms.most_common(1)[0]
        yield "rooms (packages)", str(len(rooms))
        yield "files", str(sum(rooms.values()))
        yield "the largest room", f"{most} files ({largest})"
        yield "pairs of top rooms that import each other", str(len(self.two_way(depth=2)))
        yield "pairs of any packages that import each other", str(len(self.two_way()))
        yield f"files over {_LONG} lines", str(len(self.long_files))
        yield f"files under {_SHORT} lines with one importer", str(len(self.short_files))
        yield "pairs of near-duplicate functions", str(len(self.duplicates))
        yield "test functions", str(self.tests)
        if self.path is not None:
            carried = self.path.among(CARRIERS)
            yield "files that one delivery passes", str(carried.file_count)
            yield "returns to files already left", str(carried.return_count)
            yield (
                "the same, with wording, drawing, logs and wire",
                (f"{self.path.file_count}, {self.path.return_count}"),
            )

    @property
    def rooms(self) -> Counter[str]:
        """How many files are in each."""
        return Counter(each.package for each in self.modules.values() if not each.is_package)

    def two_way(self, depth: int | None = None) -> list[tuple[str, str]]:
        """Pairs of packages that import each other, taken by the first ``depth`` of their names.

        Modules at the top of ``bot`` and ``generator`` make a room of that name.
        """
        arrows = {
            (_cut(each.package, depth), _cut(self.modules[target].package, depth))
            for each in self.modules.values()
            for target in each.imports
        }
        return sorted(pair for pair in arrows if pair[0] < pair[1] and pair[::-1] in arrows)

    @property
    def long_files(self) -> list[str]:
        return [f"{each.path} ({each.lines})" for each in self._files if each.lines > _LONG]

    @property
    def short_files(self) -> list[str]:
        """With who imports them."""
        importers: dict[str, set[str]] = {}
        for each in self.modules.values():
            for target in each.imports:
                importers.setdefault(target, set()).add(str(each.path))
        return [
            f"{each.path} ({each.lines}), for {', '.join(importers[each.name])}"
            for each in self._files
            if each.lines < _SHORT and len(importers.get(each.name, ())) == 1
        ]

    @property
    def _files(self) -> list[Module]:
        return [each for each in self.modules.values() if not each.is_package]

    def lists(self) -> Iterator[tuple[str, Sequence[str]]]:
        """What the rows count, by name."""
        yield "Packages that import each other", [" <-> ".join(each) for each in self.two_way()]
        yield f"Files over {_LONG} lines", self.long_files
        yield f"Files under {_SHORT} lines with one importer", self.short_files
        yield "Near-duplicate functions", [" ~ ".join(each) for each in self.duplicates]
        if self.path is not None:
            yield "The files that one delivery passes", self.path.among(CARRIERS).steps


def _cut(package: str, depth: int | None) -> str:
    return ".".join(package.split(".")[:depth])


def table(reports: Mapping[str, HouseReport]) -> str:
    """Markdown, a column for each report."""
    columns = [dict(report.rows()) for report in reports.values()]
    lines = [f"| | {' | '.join(reports)} |", f"|---{'|---' * len(reports)}|"]
    for what in columns[-1]:
        lines.append(f"| {what} | {' | '.join(column[what] for column in columns)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.house_report", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout (default: this one)")
    parser.add_argument("--before", type=Path, help="an earlier checkout, for a column before it")
    parser.add_argument("--list", action="store_true", help="name what is counted")
    parser.add_argument("--no-delivery", action="store_true", help="don't run the bot")
    chosen = parser.parse_args()
    roots = {"before": chosen.before, "now": chosen.root}
    reports = {
        name: HouseReport.of(root, with_delivery=not chosen.no_delivery)
        for name, root in roots.items()
        if root is not None
    }
    print(table(reports))
    if chosen.list:
        for title, names in reports["now"].lists():
            print(f"\n{title}: {len(names)}", *names, sep="\n- ")


if __name__ == "__main__":
    main()
