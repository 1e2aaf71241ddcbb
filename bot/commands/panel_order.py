"""What Go asks for: the GIF of a panel, made anew from another one or from nothing.

What the options don't say is what the other GIF has; its stages, and LoRAs and controls beyond the
second, stay. Without another GIF it is what /gif makes of the same options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import discord

from bot.commands import contact_sheet
from bot.commands.defaults import wants_private
from bot.commands.lora_choice import (
    ChosenLora,
    few_steps_of_request,
    read_strength,
    usable_lora,
    with_trigger_words,
)
from bot.commands.make_gif import make_gif
from bot.commands.model_choice import for_model
from bot.commands.option_parsing import (
    GivenOptions,
    read_count,
    read_format,
    read_options,
    read_style,
    style_sampling,
)
from bot.commands.panel_state import (
    CONTROL_NAMES,
    LORA_NAMES,
    PanelState,
    stored_file,
    value_in,
)
from bot.commands.recipe_files import restore_files
from bot.commands.result_actions import job_of, order_from
from bot.commands.submit import JobOrder, check_allowed, defer, submit_jobs, variations
from bot.core.model_catalogue import OfferedModel
from bot.gateway.context import BotContext, context_of
from bot.storage.models import Attachment
from generator.contract.bounds import draw_seed
from generator.contract.control_types import parse_control, split_control
from generator.contract.errors import RequestError
from generator.contract.few_steps import FewSteps, with_sampling
from generator.contract.limits import ModelLimits
from generator.contract.messages import Control, Lora, Request
from generator.contract.options.conditioning import DEFAULT_CONTROL_STRENGTH
from generator.contract.options.gif_options import OPTIONS, spec_named
from generator.contract.options.spec import Kind

_APART = (Kind.FILE, Kind.FILES, Kind.LORA, Kind.MODEL, Kind.STYLE)


async def submit_panel(interaction: discord.Interaction[Any], state: PanelState) -> None:
    """Submit what the panel asks for; show the contact sheet where it is to be chosen from.

    Raises RefusedError and RequestError; nothing was answered yet where it is about the options.
    """
    if state.base is None:
        await make_gif(interaction, _given(state.values))
        return
    order, needs_preview = await _order(interaction, state, state.base)
    count = read_count(state.values.get("count"))
    await check_allowed(interaction, [order.request])
    if not needs_preview or state.source is None:
        await submit_jobs(interaction, variations(order, count))
        return
    await defer(interaction, private=True)
    await contact_sheet.show(interaction, order, count, state.source.attachment)


def _given(values: Mapping[str, Any]) -> GivenOptions:
    """Return the options of a panel that began from nothing."""
    raw = {name: value for name, value in values.items() if value is not None}
    files = {
        spec.name: stored_file(values.get(spec.name))
        for spec in OPTIONS
        if spec.kind in (Kind.FILE, Kind.FILES)
    }
    return read_options({"prompt": "", **raw, **files})


async def _order(
    interaction: discord.Interaction[Any], state: PanelState, base: Request
) -> tuple[JobOrder, bool]:
    """Return the order, and whether it is still to be chosen what is followed."""
    context, values = context_of(interaction), state.values
    job = await job_of(interaction, state.job_id) if state.job_id else None
    restored = None if job else await restore_files(interaction, base)
    base = restored.request if restored else base
    label = values.get("model")
    model = context.models.named(str(label)) if label else context.models.get(base.model)
    request = base if model.name == base.model else _moved(context, base, model)
    chosen = await _chosen_loras(interaction, values)
    new = tuple(each for each in chosen.values() if isinstance(each, ChosenLora))
    loras = _loras(request.loras, values, chosen)
    before = await few_steps_of_request(interaction, request.loras, state.names)
    few = await few_steps_of_request(interaction, loras, state.names)
    if few != before:  # what one brought goes with it
        request = with_sampling(request, model.limits, None, few)
    request = with_plain_values(context, model.limits, request, values, few)
    prompt = with_trigger_words(request.prompt, new)
    request = replace(request, prompt=prompt, loras=loras)
    request = _with_image(_with_source(request, state), state, model.limits)
    request = _with_controls(request, state)
    needs_preview = bool(request.control_source and not request.controls)
    if needs_preview:
        request = replace(request, control_source="")
    model.limits.check(request)
    added = [each.attachment for each in new] + list(state.files)
    if job is None:
        order = JobOrder(
            request=request,
            files=_needed(request, [*(restored.files if restored else ()), *added]),
            private=await wants_private(interaction),
            relation=state.relation,
        )
    else:
        order = await order_from(interaction, job, request, state.relation, *added)
    return _as_wanted(order, model.limits, values), needs_preview


def _moved(context: BotContext, base: Request, model: OfferedModel) -> Request:
    return for_model(base, context.models.known_limits(base.model), model)


def with_plain_values(
    context: BotContext,
    limits: ModelLimits,
    request: Request,
    values: Mapping[str, Any],
    few: FewSteps | None = None,
) -> Request:
    """Return the request with what is one value of it, and in the style that was chosen.

    ``few`` is what a distilled LoRA brings, of which a quality chooses.
    """
    plain = {
        spec.name: values[spec.name]
        for spec in OPTIONS
        if spec.kind not in _APART and values.get(spec.name) is not None
    }
    options = replace(read_options(plain), control_type=None, control_strength=None)
    if "prompt" in values and not values["prompt"]:
        options = replace(options, prompt="")
    if "seed" in values and values["seed"] is None:
        options = replace(options, seed=draw_seed())
    start = _without_emptied(limits, request, values, few)
    changed = options.to_request(limits, start, few if options.quality else None)
    if "negative_prompt" in values and not values["negative_prompt"]:
        # a form can't tell "" from None: what was "" stays so
        changed = replace(changed, negative_prompt="" if request.negative_prompt == "" else None)
    style = read_style(context.settings.styles, values.get("style"))
    if style is None:
        return changed
    prompt, negative_prompt = style.applied_to(changed.prompt, changed.negative_prompt)
    steps, guidance = style_sampling(style, options, few)
    return replace(
        changed,
        prompt=prompt,
        negative_prompt=negative_prompt,
        steps=steps if steps and options.steps is None else changed.steps,
        guidance_scale=changed.guidance_scale
        if guidance is None or options.guidance is not None
        else guidance,
    )


def _without_emptied(
    limits: ModelLimits, request: Request, values: Mapping[str, Any], few: FewSteps | None
) -> Request:
    """Return the request with what /gif takes where a field was emptied, as the panel shows it."""
    emptied = [
        spec
        for spec in OPTIONS
        if spec.kind not in (*_APART, Kind.TEXT)
        and spec.name in values
        and values[spec.name] is None
    ]
    usual = GivenOptions().to_request(limits, few=few)
    usual = replace(usual, image_strength=limits.image_strength)
    changes = {spec.field: getattr(usual, spec.field) for spec in emptied if spec.field}
    if any(spec.name == "size" for spec in emptied):
        changes |= {"width": usual.width, "height": usual.height}
    return replace(request, **changes)


async def _chosen_loras(
    interaction: discord.Interaction[Any], values: Mapping[str, Any]
) -> dict[str, ChosenLora | None]:
    """Return those that were chosen or taken out, by their options. Raises RefusedError."""
    chosen: dict[str, ChosenLora | None] = {}
    for name in LORA_NAMES:
        if name in values and values[name] is None:
            chosen[name] = None
        elif name in values:
            lora = await usable_lora(interaction, values[name])
            strength = read_strength(values.get(f"{name}_strength"), lora.strength)
            chosen[name] = ChosenLora(lora, strength)
    return chosen


def _loras(
    before: tuple[Lora, ...],
    values: Mapping[str, Any],
    chosen: Mapping[str, ChosenLora | None],
) -> tuple[Lora, ...]:
    """Return a GIF's LoRAs with what was changed of the first two."""
    found: list[Lora] = []
    for place, name in enumerate(LORA_NAMES):
        strength = values.get(f"{name}_strength")
        if name in chosen:
            one = chosen[name]
            found += [one.request_lora] if one else []
        elif place < len(before):
            kept = before[place]
            found.append(kept if strength is None else replace(kept, strength=float(strength)))
        elif strength is not None:
            raise RequestError("A LoRA's strength needs a LoRA; choose one from the list.")
    found += before[len(LORA_NAMES) :]
    if len({lora.path for lora in found}) < len(found):
        raise RequestError("A LoRA was chosen twice; choose another, or just one.")
    return tuple(found)


def _with_source(request: Request, state: PanelState) -> Request:
    """Return the request with the clip that was brought, or without the one that was taken out."""
    if state.source is not None:
        return replace(request, control_source=state.source.attachment.blob)
    return request if state.has_source else replace(request, controls=(), control_source="")


def _with_controls(request: Request, state: PanelState) -> Request:
    """Return the request as it follows its source; without controls where these are to be chosen.

    Who takes out what a GIF followed until now follows nothing.
    """
    values = state.values
    if not request.control_source:
        if any(values.get(name) for name in CONTROL_NAMES):
            raise RequestError("A control type needs a GIF to follow; attach one as control_gif.")
        return request
    kinds = [
        values[name] if name in values else value_in(spec_named(name), request, ModelLimits())
        for name in CONTROL_NAMES
    ]
    scale, before = values.get("control_strength"), request.controls
    if scale is None and "control_strength" in values:  # emptied
        scale = DEFAULT_CONTROL_STRENGTH
    controls = [
        _control(before, kind, scale)
        for place, kind in enumerate(kinds)
        if kind is not None and kind not in kinds[:place]
    ]
    controls += before[len(CONTROL_NAMES) :]
    follows = bool(controls) or state.source is not None
    source = request.control_source if follows else ""
    return replace(request, controls=tuple(controls), control_source=source)


def _control(before: tuple[Control, ...], kind: str, scale: float | str | None) -> Control:
    """Return a control of a kind; one that was there keeps its span and annotator."""
    known = next((each for each in before if split_control(each)[0] == kind), None)
    if known is not None:
        if scale is None:
            return known
        wanted = parse_control(kind, scale)
        return replace(known, scale=wanted.scale, scales=wanted.scales)
    usual = split_control(before[0])[1] if before else DEFAULT_CONTROL_STRENGTH
    return parse_control(kind, usual if scale is None else scale)


def _with_image(request: Request, state: PanelState, limits: ModelLimits) -> Request:
    """Return the request with the picture to begin from, or without it."""
    image = state.file("image")
    if image is not None:
        strength = state.values.get("image_strength")
        far = limits.image_strength if strength is None else float(strength)
        blob = image.attachment.blob
        return replace(request, image=blob, image_strength=far, kept_frames=0)
    if not state.has_image and state.values.get("image_strength") is not None:
        raise RequestError("An image strength needs a picture; attach one as image.")
    return request if state.has_image else request.without_image()


def _needed(request: Request, files: list[Attachment]) -> tuple[Attachment, ...]:
    names = {*(lora.path for lora in request.loras), request.control_source, request.image}
    return tuple({file.blob: file for file in files if file.blob in names}.values())


def _as_wanted(order: JobOrder, limits: ModelLimits, values: Mapping[str, Any]) -> JobOrder:
    """Return the order with the file, the privacy and the style that were chosen."""
    private = values.get("private")
    return replace(
        order,
        suffix=read_format(limits, values["format"]) if values.get("format") else order.suffix,
        private=order.private if private is None else bool(private),
        style=values.get("style") or order.style,
    )
