"""The base installation and its extras: what each room may import, and what is said without it.

``test_small_install.py`` installs the base alone and runs it; what is here reads sources and
``pyproject.toml``.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from generator.contract.errors import FailureKind, MissingExtraError
from generator.contract.extras import EXTRA_OF, missing_extra, require_modules
from tools.lowest import requirements

ROOT = Path(__file__).parents[1]
OWN = {"benchmarks", "bot", "generator", "migrations", "tests", "tools"}
# What a room may import beside the base; the longest name that fits holds.
ROOMS: dict[str, tuple[str, ...]] = {
    "bot": (),
    "bot.broker": ("remote",),
    "bot.metrics": ("metrics",),
    "bot.tracing": ("tracing",),
    "bot.storage.postgresql": ("postgresql",),
    "bot.storage.watched_connection": ("postgresql",),
    "bot.workers.remote": ("remote",),
    "migrations": (),
    "generator": (),
    "generator.annotators.depth": ("generator",),
    "generator.checkpoints": ("generator",),
    "generator.checkpoints.inspect": (),
    "generator.cli": ("generator",),
    "generator.cli.worker": ("remote",),
    "generator.detection": ("generator",),
    "generator.detection.nude_net": ("nudenet",),
    "generator.host": ("remote",),
    "generator.inference": ("generator",),
    "generator.link": ("remote",),
    "generator.model": ("generator",),
    "generator.model.fp8_products": ("generator", "fp8"),
    "generator.sources.picture_decoder": ("heic",),
    "generator.training": ("train", "wandb"),
    # `make nano` and `make evaluate` have the generator alone
    "tools.nano": ("generator",),
    "tools": ("dev",),
    "benchmarks": ("dev",),
}
# Imported without being required by name: what brings it is, and says in its documentation that it
# does; or it is no part of any extra, and a sentence where it is imported says so.
COMES_WITH = {
    "yarl": "aiohttp",
    "tokenizers": "transformers",
    "onnxruntime": "nudenet",
    "triton": "torch",
}
ON_THEIR_OWN = {"bitsandbytes", "imagequant", "lycoris"}
# Required without being imported by this project's sources.
NOT_IMPORTED = {"orjson": "discord.py does", "compel": "long_prompts.py does, by its name"}


@functools.cache
def imports() -> Mapping[str, set[str]]:
    """Return what each module imports of others'."""
    return {module: third_parties(tree) for module, tree in sources()}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for top in OWN - {"tests"}:
        for path in sorted((ROOT / top).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield module.removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"))


def third_parties(tree: ast.Module) -> set[str]:
    """The top-level modules that a source imports, wherever in it, and that are nobody's here."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names} - OWN - sys.stdlib_module_names


def room_of(module: str) -> tuple[str, ...]:
    fitting = (room for room in ROOMS if f"{module}.".startswith(f"{room}."))
    return ROOMS[max(fitting, key=len)]


def distribution(required: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", required)[0]).lower()


@functools.cache
def providers() -> Mapping[str, list[str]]:
    return packages_distributions()


def distributions_of(module: str) -> set[str]:
    return {distribution(each) for each in providers().get(module, (module,))}


@functools.cache
def allowed_in(room: tuple[str, ...]) -> set[str]:
    return {distribution(each) for each in requirements(*room)}


def test_each_room_imports_what_its_extras_bring() -> None:
    wrong = {}
    for module, imported in imports().items():
        allowed = allowed_in(room_of(module))
        for name in imported - ON_THEIR_OWN:
            if not distributions_of(COMES_WITH.get(name, name)) & allowed:
                wrong[module] = name
    assert not wrong, "not installed where these run: see ROOMS"


def test_nothing_is_required_that_nobody_imports() -> None:
    imported = set().union(*imports().values())
    used = set().union(*map(distributions_of, imported - {"tests"}))
    extras = ("train", "fp8", "remote", "metrics", "tracing")
    required = {distribution(each) for each in requirements(*extras)}
    assert required - used == set(NOT_IMPORTED)


@pytest.mark.parametrize(
    "extra",
    [
        "generator",
        "train",
        "wandb",
        "postgresql",
        "heic",
        "nudenet",
        "fp8",
        "remote",
        "metrics",
        "tracing",
    ],
)
def test_the_table_of_extras_is_that_of_the_package(extra: str) -> None:
    brought = {distribution(each) for each in requirements(extra)}
    before = {distribution(each) for each in requirements(*{"train": ["generator"]}.get(extra, []))}
    modules = [module for module, its in EXTRA_OF.items() if its == extra]
    named = set().union(*(distributions_of(module) or {module} for module in modules))
    if extra == "tracing":  # whose packages share one top-level module with what they need
        named &= brought
    assert named == brought - before


def test_a_missing_one_is_found_wherever_it_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it isn't installed
    inner = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    outer = RuntimeError("Failed to import a model")
    outer.__cause__ = inner
    for error in (inner, outer):
        found = missing_extra(error)
        assert found is not None
        assert found.kind is FailureKind.NOT_INSTALLED
        assert str(found) == (
            "This needs torch, which isn't installed on this machine; "
            '`pip install "hotshot-bot[generator]"` installs it.'
        )


def test_another_import_error_is_none_of_them() -> None:
    assert missing_extra(ModuleNotFoundError("No module named 'mine'", name="mine")) is None
    broken = ImportError("torch is there, and damaged", name="torch")
    assert missing_extra(broken) is None
    assert missing_extra(ValueError("no import at all")) is None


def test_what_is_needed_can_be_asked_for_before(monkeypatch: pytest.MonkeyPatch) -> None:
    require_modules("torch", "transformers")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match="This needs transformers"):
        require_modules("torch", "transformers")
