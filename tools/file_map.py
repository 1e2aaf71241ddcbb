"""``python -m tools.file_map``: writes the README's map, a line for each file, from docstrings.

The map stands between two marks; everything else in the README is left as it is.
"""

from __future__ import annotations

import ast
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("bot", "generator", "migrations", "benchmarks", "tools")
START, END = "<!-- file map -->", "<!-- end of file map -->"


def main() -> int:
    """Returns 1 where the README has no place for the map."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    try:
        written = with_map(text)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    readme.write_text(written, encoding="utf-8")
    return 0


def with_map(text: str) -> str:
    """A README's text with its map up to date. Raises ValueError where the marks are missing."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"The README needs the marks {START} and {END}.")
    return f"{before}{START}\n{file_map()}\n{END}{after}"


def file_map() -> str:
    """Markdown: a fold-out list for each directory of modules."""
    folds = []
    for directory, files in itertools.groupby(_modules(), key=lambda path: path.parent):
        lines = [f"- [`{path.name}`]({path.relative_to(ROOT)}): {_says(path)}" for path in files]
        name = f"{directory.relative_to(ROOT)}/"
        folds.append(
            f"<details><summary><code>{name}</code></summary>\n\n"
            + "\n".join(lines)
            + "\n</details>"
        )
    return "\n".join(folds)


def _modules() -> Iterator[Path]:
    found = (path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    said = (path for path in found if path.name != "__init__.py")
    return iter(sorted(said, key=lambda path: (path.parent, path.name)))


def _says(path: Path) -> str:
    """The first sentence of a module's docstring, on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.partition("\n\n")[0].split()).replace("``", "`")


if __name__ == "__main__":
    sys.exit(main())
