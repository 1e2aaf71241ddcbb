"""The second half of ``hotshot gif``: what was checked is made, written and told.

Imports NumPy; torch where a model is needed.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from generator.annotators.condition_images import ConditionImages
from generator.annotators.contact_sheet import write_preview
from generator.cli.gif_request import STILLS
from generator.cli.progress_bar import ProgressBar
from generator.contract.errors import MediaError
from generator.contract.messages import Request
from generator.contract.stages import output_size
from generator.contract.start_up import uncollected
from generator.media.output import make_directory, write_whole
from generator.postprocess.fit import fit
from generator.recipes.recipe import ModelSettings, Recipe
from generator.sources.facts import Facts
from generator.sources.init_image import check_init_image
from generator.sources.keyframes import PAUSE_NOTE, has_pause
from generator.sources.reader import probe
from generator.sources.source_files import SourceFiles, fetch_sources


def make(
    request: Request, setup: ModelSettings, arguments: Namespace, recipe: Recipe | None = None
) -> None:
    """Make the preview and the file that were asked for. Raises HotshotError.

    ``recipe`` is what is made again: where a file has changed since, a line says so.
    """
    with fetch_sources(request) as sources:
        if request.controls:
            facts = _check_moves(request, sources.control)
            if arguments.control_preview is not None and has_pause(facts.delays_ms):
                print(PAUSE_NOTE)
        check_init_image(request, sources.image)
        if arguments.control_preview is not None:
            _preview(request, setup, arguments, sources.control)
        if arguments.output is not None:
            _make(request, setup, arguments, sources, recipe)


def _check_moves(request: Request, source: Path) -> Facts:
    """Return the source's facts. Raises MediaError for a still, before a model is loaded."""
    facts = probe(source)
    if request.video_length > 1 and len(facts.delays_ms) == 1:
        raise MediaError("The file has only one frame; give a GIF or video that moves.")
    return facts


def _preview(request: Request, setup: ModelSettings, arguments: Namespace, source: Path) -> None:
    path: Path = arguments.control_preview
    device = "cpu" if arguments.device == "auto" else arguments.device
    pictures = ConditionImages(device, setup.depth_model).for_request(request, source)
    for index, images in enumerate(pictures):
        name = path if index == 0 else path.with_stem(f"{path.stem}-{index + 1}")
        make_directory(name)
        write_preview(images, request.video_duration, name)
        print(f"{name}  (what the ControlNet {request.controls[index].kind} will see)")


def _make(
    request: Request,
    setup: ModelSettings,
    arguments: Namespace,
    sources: SourceFiles,
    recipe: Recipe | None,
) -> None:
    output: Path = arguments.output
    with closing(ProgressBar()) as progress:
        progress.say(f"Loading {setup.model} ...")
        with uncollected():
            # Imported here: torch takes seconds, and none should wait for those to hear of a typo.
            from generator.inference.hotshot_engine import HotshotEngine
            from generator.model.memory import AUTO

            engine = HotshotEngine.load(
                setup,
                device=arguments.device,
                low_vram=arguments.low_vram_mode or AUTO,
                compile_mode=arguments.compile,
                records_paths=True,
            )
        progress.say(f"Making {_frames(request)} on {engine.device} in {engine.dtype} ...")
        clip = engine.make(request, progress, sources)
        made_recipe = engine.recipe(request, sources)
    fitted = fit(clip, output.suffix.lower(), arguments.max_bytes, made_recipe.to_json())
    make_directory(output)
    write_whole(output, fitted.data)
    _warn_of_changes(made_recipe, recipe)
    first = "the first of " if request.video_length > 1 and output.suffix.lower() in STILLS else ""
    size = f"{len(fitted.data) / 1000:.1f} kB"
    print(f"{output}  ({first}{_frames(request)}, {size}, seed {request.seed})")
    if fitted.given_up:
        print(f"To fit {arguments.max_bytes:,} bytes: {', '.join(map(str, fitted.given_up))}.")


def _warn_of_changes(new: Recipe, recipe: Recipe | None) -> None:
    if recipe is None:
        return
    before = {"precision": recipe.setup.precision, **recipe.environment}
    now = {"precision": new.setup.precision, **new.environment}
    other = [name for name, value in before.items() if now.get(name, value) != value]
    if recipe.environment and other:
        print(
            f"This was first made with {_listed(before, other)}, and now with "
            f"{_listed(now, other)}; the frames may differ a little.",
            file=sys.stderr,
        )
    for name, known in recipe.sha256.items():
        if new.sha256.get(name, known) != known:
            print(
                f"{name} isn't what it was when this was first made; the frames may differ.",
                file=sys.stderr,
            )


def _listed(values: Mapping[str, str], names: Sequence[str]) -> str:
    line = ", ".join(f"{name} {values[name]}" for name in names)
    return "".join(letter for letter in line if letter.isprintable())


def _frames(request: Request) -> str:
    width, height = output_size(request)
    size = f"{width} x {height}"
    if request.video_length == 1:
        return f"one picture of {size}"
    return f"{request.video_length} frames of {size} in {request.video_duration} ms"
