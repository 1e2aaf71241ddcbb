"""Finds every template that may reach somebody in Discord: scans all of the product for calls.

A template is what stands first in a call of ``Text`` or ``translate``, first and second in one of
``plural`` or ``translate_plural``, and first where an error for people is made: of any class below
``TranslatableError``, wherever it is defined. What only a terminal shows stays English, by two
rules: the rooms of ``TERMINAL_ROOMS`` are left out, and so are errors whose class says
``is_translated = False``, or inherits that. By the syntax tree: Babel's own reader misses calls
inside f-strings, and takes an f-string's last line for a template.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.source_tree import Module, read_modules

# Rooms whose sentences are read in a terminal, by whoever runs the bot or trains: in English.
TERMINAL_ROOMS = ("bot.cli", "bot.demo", "bot.sandbox", "generator.cli", "generator.training")
FUNCTIONS = {  # how many of the first arguments are templates
    "bot.core.translations.translate": 1,
    "bot.core.translations.translate_plural": 2,
    "generator.contract.text.Text": 1,
    "generator.contract.text.plural": 2,
}
_ROOT_ERROR = "generator.contract.text.TranslatableError"
_MARK = "is_translated"

Template = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Scan:
    """All modules of a checkout, and what their calls mean."""

    root: Path
    modules: Mapping[str, Module]
    names: Mapping[str, Mapping[str, str]]  # by module: what a name there is in full
    callables: Mapping[str, int]  # by full name: how many of the first arguments are templates

    @classmethod
    def of(cls, root: Path) -> Scan:
        modules = read_modules(root)
        names = {name: _names_in(module) for name, module in modules.items()}
        errors = dict.fromkeys(_translated_errors(modules, names), 1)
        return cls(root, modules, names, FUNCTIONS | errors)

    def sources(self) -> list[Path]:
        """The files that may say something to people in Discord."""
        return [self.root / module.path for module in self._spoken()]

    def templates(self) -> Iterator[Template]:
        """Each as often as it is said; with two forms where it has a number in it."""
        for module in self._spoken():
            yield from self._templates_in(module)

    def template_counts(self) -> dict[str, int]:
        """How many of the first arguments are templates, by the name that is called."""
        return {name.rpartition(".")[2]: count for name, count in self.callables.items()}

    def _spoken(self) -> Iterator[Module]:
        for name, module in sorted(self.modules.items()):
            if not any(f"{name}.".startswith(f"{room}.") for room in TERMINAL_ROOMS):
                yield module

    def _templates_in(self, module: Module) -> Iterator[Template]:
        names = self.names[module.name]
        for call, called in _calls(module.tree, names, module.name):
            texts = [
                each.value
                for each in call.args[: self.callables.get(called, 0)]
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if texts and texts[0]:
                yield (texts[0], texts[1]) if len(texts) > 1 else texts[0]


def _names_in(module: Module) -> dict[str, str]:
    """What is imported or defined there, by the name that it has there."""
    names: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.setdefault(node.name, f"{module.name}.{node.name}")
    return names


def _full_name(node: ast.expr, names: Mapping[str, str]) -> str:
    """Of a name, or of one in an imported module; empty for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute) and (owner := _full_name(node.value, names)):
        return f"{owner}.{node.attr}"
    return ""


def _calls(
    tree: ast.AST, names: Mapping[str, str], module: str, inside: str = ""
) -> Iterator[tuple[ast.Call, str]]:
    """Each call with the full name of what is called; ``super().__init__`` is the class around."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            yield node, inside if _is_parents(node.func) else _full_name(node.func, names)
        around = f"{module}.{node.name}" if isinstance(node, ast.ClassDef) else inside
        yield from _calls(node, names, module, around)


def _is_parents(node: ast.expr) -> bool:
    is_named_so = isinstance(node, ast.Attribute) and node.attr == "__init__"
    return is_named_so and ast.unparse(node) == "super().__init__"


def _translated_errors(
    modules: Mapping[str, Module], names: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """The full names of the classes below TranslatableError, without those for a terminal."""
    children: dict[str, list[str]] = {}
    marked: set[str] = set()
    for name, module in modules.items():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef):
                full = f"{name}.{node.name}"
                for base in node.bases:
                    children.setdefault(_full_name(base, names[name]), []).append(full)
                if _is_for_terminal(node):
                    marked.add(full)
    waiting = [_ROOT_ERROR]
    while waiting:
        error = waiting.pop()
        yield error
        waiting += [child for child in children.get(error, ()) if child not in marked]


def _is_for_terminal(node: ast.ClassDef) -> bool:
    """Whether its body says ``is_translated = False``."""
    return any(
        isinstance(line, ast.Assign)
        and isinstance(line.value, ast.Constant)
        and line.value.value is False
        and any(isinstance(target, ast.Name) and target.id == _MARK for target in line.targets)
        for line in node.body
    )
