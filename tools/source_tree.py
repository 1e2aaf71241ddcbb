"""Reads a checkout's modules by their syntax trees: lines, imports, and functions that look alike.

Nothing is imported or run, so any version can be read.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

PRODUCT = ("bot", "generator")
_ENOUGH = 5  # statements: shorter functions look alike by chance
_ALIKE = 0.5  # share of the statements of both that are the same

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One file; ``imports`` are names of modules of the product, wherever they are imported."""

    name: str
    path: Path
    lines: int
    imports: frozenset[str]
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]


def read_modules(root: Path) -> Mapping[str, Module]:
    """The modules of ``bot`` and ``generator`` by their names; paths are relative to ``root``."""
    files = {_name(path.relative_to(root)): path for path in _sources(root)}
    modules = {}
    for name, path in files.items():
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        imports = frozenset(_imports(tree, files.keys()) - {name})
        relative = path.relative_to(root)
        modules[name] = Module(name, relative, len(source.splitlines()), imports, tree)
    return modules


def _sources(root: Path) -> Iterator[Path]:
    for top in PRODUCT:
        yield from sorted((root / top).rglob("*.py"))


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.Module, known: Iterable[str]) -> set[str]:
    """Absolute imports, as this project has no others."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & set(known)) or {node.module}
    return found & set(known)


def near_duplicates(modules: Iterable[Module]) -> list[tuple[str, str]]:
    """Pairs of functions that share half of their statements, but for names and constants.

    Functions inside others are read with those.
    """
    functions = [
        (f"{module.path}:{function.name}", statements)
        for module in modules
        for function in _functions(module.tree)
        if (statements := _statements(function)).total() >= _ENOUGH
    ]
    return [
        (one, other)
        for (one, first), (other, second) in combinations(functions, 2)
        if _is_alike(first, second)
    ]


def _functions(scope: ast.Module | ast.ClassDef) -> Iterator[Function]:
    for node in scope.body:
        if isinstance(node, Function):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node)


def _is_alike(one: Counter[str], other: Counter[str]) -> bool:
    smaller, larger = sorted((one.total(), other.total()))
    if smaller < _ALIKE * larger:
        return False
    return (one & other).total() >= _ALIKE * (one | other).total()


def _statements(function: Function) -> Counter[str]:
    """Each statement without its body, docstrings, names and constants."""
    found: Counter[str] = Counter()
    for node in ast.walk(function):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and node is not function and not is_docstring:
            found[_shape(node)] += 1
    return found


def _shape(node: ast.AST) -> str:
    """The syntax below ``node``: attributes and keywords by name; names and constants are alike."""
    parts = [type(node).__name__]
    if isinstance(node, ast.Attribute):
        parts.append(node.attr)
    if isinstance(node, ast.keyword):
        parts.append(str(node.arg))
    inner = (child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt))
    parts += map(_shape, inner)
    return f"({' '.join(parts)})"


def test_count(tests: Path) -> int:
    """How many test functions are written; one with many parameters counts once."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in tests.rglob("test_*.py"))
    return sum(
        isinstance(node, Function) and node.name.startswith("test_")
        for tree in trees
        for node in ast.walk(tree)
    )
