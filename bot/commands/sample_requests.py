"""What samples are made of: the same words and seed for every LoRA and style, so they compare."""

from __future__ import annotations

from bot.commands.lora_choice import ChosenLora, with_trigger_words
from bot.commands.option_parsing import GivenOptions, read_request
from bot.core.config import Style
from bot.core.model_catalogue import DEFAULT
from bot.gateway.context import BotContext
from bot.jobs.samples import Sample
from bot.storage import loras as rows
from bot.storage.loras import StoredLora
from bot.storage.models import Job
from generator.contract.errors import RequestError
from generator.contract.messages import Request
from generator.contract.prompt_words import USUAL_SAMPLE

_SEED = 7
_SIZE = "square"


def lora_sample(context: BotContext, lora: StoredLora) -> Sample:
    """Return what shows a LoRA: at its own strength, with the words that wake it."""
    chosen = ChosenLora(lora, lora.strength)
    plain = _prompt(context)
    try:
        request = _request(context, with_trigger_words(plain, [chosen]), chosen)
    except RequestError:  # its owner's words are no prompt
        request = _request(context, plain, chosen)
    return _sample(context, request, chosen)


def style_sample(context: BotContext, style: Style) -> Sample | None:
    """Return what shows a style; None for one that this model can't follow."""
    try:
        return _sample(context, _request(context, _prompt(context), style=style))
    except RequestError:
        return None


async def forget_lora_sample(context: BotContext, lora: StoredLora) -> None:
    """Delete the sample of a LoRA that was removed, unless another one is the very same."""
    key = lora_sample(context, lora).key
    kept = await context.database.read(rows.with_blob, lora.blob)
    if all(lora_sample(context, other).key != key for other in kept):
        await context.samples.forget([key])


async def forget_stale_samples(context: BotContext) -> None:
    """Delete the samples of LoRAs, styles and models that are gone, or that have changed."""
    styles = [style_sample(context, style) for style in context.settings.styles.values()]
    current = {sample.key for sample in styles if sample is not None}
    every = await context.samples.every()
    for blob in {lora.path for job in every for lora in job.request.loras}:
        kept = await context.database.read(rows.with_blob, blob)
        current |= {lora_sample(context, lora).key for lora in kept}
    await context.samples.forget({key for key in map(_key_of, every) if key not in current})


def _key_of(job: Job) -> str:
    return job.origin.parent_id or ""


def _prompt(context: BotContext) -> str:
    words = context.models.get(DEFAULT).words
    return USUAL_SAMPLE if words is None else words.sample


def _request(
    context: BotContext, prompt: str, chosen: ChosenLora | None = None, style: Style | None = None
) -> Request:
    options = GivenOptions(
        prompt=prompt,
        size=_SIZE,
        seed=_SEED,
        loras=(chosen.request_lora,) if chosen else None,
    )
    return read_request(context.models.default_limits, options, style)


def _sample(context: BotContext, request: Request, chosen: ChosenLora | None = None) -> Sample:
    return Sample(
        request=request,
        model=context.models.get(DEFAULT).key,
        files=(chosen.attachment,) if chosen else (),
    )
