"""What workers are started with, by the config."""

from __future__ import annotations

from dataclasses import replace

from bot.core import machine
from bot.core.config import GeneratorSettings, Settings
from bot.workers.watchdog import WatchdogSettings
from generator.contract.worker_settings import NamedModel, WorkerSettings

_MEGABYTE = 2**20


def worker_settings(settings: Settings) -> list[WorkerSettings]:
    """Return the settings of one worker for each device; several on the CPU share its cores."""
    names = settings.generator.device_names
    on_cpu = names.count("cpu")
    share = machine.cpu_count() // on_cpu or 1 if on_cpu > 1 else 0
    return [
        replace(worker_settings_for(settings, device), threads=share if device == "cpu" else 0)
        for device in names
    ]


def worker_settings_for(settings: Settings, device: str) -> WorkerSettings:
    """Return the settings of a worker on this device, which has its cores for itself."""
    generator = settings.generator
    return WorkerSettings(
        model=generator.model,
        spatial_unet_base=generator.spatial_unet_base,
        unet_only=generator.unet_only,
        prediction_type=generator.prediction_type,
        models=_models(settings),
        low_vram=generator.low_vram,
        compile=generator.compile,
        depth_model=generator.depth_model,
        device=device,
        precision=generator.precision,
        engine=generator.engine,
        log_level=settings.log.level,
        log_format=settings.log.format,
    )


def _models(settings: Settings) -> tuple[NamedModel, ...]:
    """Return all models that a worker may be started with; none where the default is the only."""
    if not settings.models:
        return ()
    generator = settings.generator
    default = NamedModel(
        name=generator.model,
        model=generator.model,
        spatial_unet_base=generator.spatial_unet_base,
        unet_only=generator.unet_only,
        prediction_type=generator.prediction_type,
    )
    return (default, *(model.for_workers(name) for name, model in settings.models.items()))


def watchdog_settings(generator: GeneratorSettings) -> WatchdogSettings:
    given = generator.memory_limit_mb * _MEGABYTE
    return WatchdogSettings(
        silence_seconds=generator.silence_seconds,
        memory_bytes=given or int(machine.total_memory_bytes() * 0.6),
    )
