"""Brings the catalogues up to date: ``python -m tools.words``.

Finds every template that may reach somebody in Discord, writes ``messages.pot``, and gives each
language the new ones (empty, to be translated) and takes away those that are said no more. Says
what is left to translate, with exit code 1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from bot.core.translations import DOMAIN, LOCALES, TRANSLATED

ROOT = Path(__file__).parent.parent
TEMPLATE = LOCALES / f"{DOMAIN}.pot"
KEYWORDS = {  # how many of the first arguments are templates
    **dict.fromkeys(("translate", "Text"), 1),
    **dict.fromkeys(("translate_plural", "plural"), 2),
    # raised where somebody in Discord may read them
    **dict.fromkeys(
        (
            "GoneError",
            "MediaError",
            "ModelError",
            "NotAcceptedError",
            "OutOfMemoryError",
            "RefusedError",
            "RequestError",
            "StorageError",
            "TooLargeError",
            "UndeliverableError",
            "UnreachableError",
        ),
        1,
    ),
}
# Of the generator, what loading a model, a request or a file that somebody brings can run into. The
# command line, training and nano's own making are in English.
GENERATOR = (
    "annotators/source_preview.py",
    "annotators/depth.py",
    "checkpoints/download.py",
    "checkpoints/hub.py",
    "checkpoints/inspect/base_check.py",
    "checkpoints/inspect/header.py",
    "checkpoints/inspect/kinds.py",
    "checkpoints/inspect/lora_base.py",
    "checkpoints/inspect/lora_facts.py",
    "checkpoints/inspect/lora_file.py",
    "checkpoints/inspect/lora_layers.py",
    "checkpoints/inspect/lora_names.py",
    "checkpoints/inspect/lora_settings.py",
    "checkpoints/inspect/lora_shapes.py",
    "checkpoints/inspect/not_safetensors.py",
    "checkpoints/lora_files.py",
    "checkpoints/resolve.py",
    "checkpoints/unet_conversion.py",
    "checkpoints/weights.py",
    "contract/extras.py",
    "contract/limits.py",
    "inference/hotshot_engine.py",
    "inference/overflow.py",
    "inference/pipeline.py",
    "media/mp4_encoder.py",
    "model/component_loading.py",
    "model/controlnet_loading.py",
    "model/devices.py",
    "model/loading.py",
    "model/lora_manager.py",
    "model/noise_schedule.py",
    "model/schedulers.py",
    "model/spatial_base.py",
    "postprocess/edits.py",
    "postprocess/fit.py",
    "recipes/recipe.py",
    "sources/decoder_process.py",
    "sources/facts.py",
    "sources/init_image.py",
    "sources/keyframes.py",
    "sources/decoders.py",
    "sources/picture_decoder.py",
    "sources/reader.py",
    "sources/film_timeline.py",
    "sources/unsupported_formats.py",
    "worker/process.py",
)


_FLEETING = (
    b'"Project-Id-Version',
    b'"Report-Msgid-Bugs-To',
    b'"POT-Creation-Date',
    b'"PO-Revision-Date',
    b'"Last-Translator',
    b'"Language-Team',
    b'"Generated-By',
)


def sources() -> Iterator[Path]:
    """The files that say something to people in Discord."""
    for path in sorted((ROOT / "bot").rglob("*.py")):
        if not {"sandbox", "demo"} & set(path.parts):
            yield path
    yield from (ROOT / "generator" / name for name in GENERATOR)


def extracted() -> Catalog:
    """Every template. By the syntax tree: Babel's own reader misses calls inside f-strings, and
    takes an f-string's last line for a template.
    """
    catalog = Catalog(project="hotshot-bot", charset="utf-8")
    for path in sources():
        for message in _said_in(ast.parse(path.read_text(encoding="utf-8"))):
            catalog.add(message)
    return catalog


def _said_in(tree: ast.AST) -> Iterator[str | tuple[str, ...]]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        wanted = node.args[: KEYWORDS.get(node.func.id, 0)]
        texts = [part.value for part in wanted if isinstance(part, ast.Constant)]
        if texts and texts[0]:
            yield tuple(map(str, texts)) if len(texts) > 1 else str(texts[0])


def catalogue(language: str) -> Catalog:
    """A language's own."""
    file = _file(language)
    if not file.exists():
        return Catalog(locale=language, project="hotshot-bot", charset="utf-8")
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def main() -> int:
    """Returns the exit code."""
    template = extracted()
    _write(TEMPLATE, template)
    missing = 0
    for language in TRANSLATED:
        known = catalogue(language)
        known.update(template, no_fuzzy_matching=True, update_header_comment=False)
        known.obsolete.clear()
        _write(_file(language), known)
        empty = [message.id for message in known if message.id and not _is_whole(message.string)]
        missing += len(empty)
        for each in empty:
            print(f"{language}: {each}")
    return 1 if missing else 0


def _is_whole(string: str | Sequence[str] | None) -> bool:
    return bool(string) and (isinstance(string, str) or all(string or ()))


def _file(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def _write(file: Path, catalog: Catalog) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    catalog.fuzzy = False
    catalog.header_comment = "# What the bot says; see tools/words.py."
    made = BytesIO()
    write_po(made, catalog, width=100, no_location=True, sort_output=True)
    lines = made.getvalue().splitlines(keepends=True)
    # dates, people and versions would change the file whenever it is written
    file.write_bytes(b"".join(line for line in lines if not line.startswith(_FLEETING)))


if __name__ == "__main__":
    sys.exit(main())
