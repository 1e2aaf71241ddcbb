"""A worker's life, in its own process: it loads an engine, and makes what it is told to in order.

It survives whatever a job does short of killing it. Files are written by encoders beside it, while
it is at the next job. It knows nothing of Discord, rows or retries.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from generator.contract import logs
from generator.contract.errors import Failure, FailureKind, ModelError
from generator.contract.extras import missing_extra
from generator.contract.failures import failure_of
from generator.contract.limits import ModelLimits
from generator.contract.messages import Capabilities, LoadableModel, Ready, StartFailed
from generator.contract.stages import CHOICES
from generator.contract.start_up import uncollected
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings
from generator.worker.ahead import Ahead
from generator.worker.batch_run import run_jobs
from generator.worker.encoder_pool import EncoderPool, EncoderSettings
from generator.worker.engine import BatchEngine, BoundedEngine, Engine, EngineFactory
from generator.worker.inbox import Inbox, WorkerJob
from generator.worker.job_run import JobRun, Voice
from generator.worker.pace import Pace
from generator.worker.room import Room

logger = logging.getLogger(__name__)

_OPTIONS = (
    "spatial_unet_base",
    "unet_only",
    "prediction_type",
    "loras",
    "limits",
    "low_vram",
    "compile",
    "depth_model",
)
# A terminal and systemd send these to every process; what is being made may still be finished.
PARENT_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(settings: WorkerSettings, commands: Connection, events: Connection) -> None:
    """Live a child's whole life; return after Shutdown, or where the engine can't start."""
    for number in PARENT_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PARENT_SIGNALS)
    logs.configure(settings.log_level, settings.log_format)
    _lower_priority(settings)
    own = EncoderSettings(log_level=settings.log_level, log_format=settings.log_format)
    with EncoderPool(own) as encoders:
        ahead, room, voice = Ahead(Path(settings.files)), Room(), Voice(events)

        def job_came(job: WorkerJob) -> None:
            room.job_came(job)
            ahead.job_came(job)

        inbox = Inbox.listen(commands, encoders.drop_cancelled, job_came)
        began = time.perf_counter()
        try:
            with uncollected():
                engine = _load_engine(settings)
        except Exception as error:  # whatever an engine's setup does becomes a sentence
            failure = _start_failure(error)
            is_traced = failure.kind is not FailureKind.NOT_INSTALLED
            logger.exception("the engine can't start: %s", failure, exc_info=is_traced)
            voice.say(StartFailed(failure))
            return
        voice.say(Ready(_capabilities(settings, engine), time.perf_counter() - began))
        ahead.serve(engine)
        pace = Pace(lead=lambda: room.lead)
        make_run = partial(
            JobRun,
            files=Path(settings.files),
            outputs=Path(settings.outputs),
            inbox=inbox,
            voice=voice,
            pace=pace,
            encoders=encoders,
            ahead=ahead,
            room=room,
        )
        while jobs := inbox.next_jobs():
            run_jobs([make_run(job) for job in jobs], engine, pace)


def _start_failure(error: Exception) -> Failure:
    """What is said where there will be no worker: without the generator, how to get one."""
    missing = missing_extra(error)
    if missing is None:
        return failure_of(error)
    text = Text(
        "There is no worker, since {module} isn't installed on the bot's machine; whoever runs "
        'the bot can add one with `pip install "hotshot-bot[generator]"`.',
        module=missing.words.values["module"],
    )
    return Failure.of(missing, text)


def _load_engine(settings: WorkerSettings) -> Engine:
    module, _, factory = settings.engine.partition(":")
    create = cast(EngineFactory, getattr(importlib.import_module(module), factory))
    usual = WorkerSettings()
    options = {
        name: value
        for name in _OPTIONS
        if (value := getattr(settings, name)) != getattr(usual, name)
    }
    return create(
        model=settings.model, device=settings.device, precision=settings.precision, **options
    )


def _capabilities(settings: WorkerSettings, engine: Engine) -> Capabilities:
    return Capabilities(
        model=settings.model_name,
        device=engine.device,
        dtype=engine.dtype,
        max_frames=engine.limits.max_frames,
        max_pixels=engine.limits.max_pixels,
        stages=tuple(CHOICES),
        models=tuple(_loadable(settings, engine)),
        batch_pixels=engine.batch_pixels if isinstance(engine, BatchEngine) else 0,
        clip_pixels=engine.clip_pixels if isinstance(engine, BoundedEngine) else 0,
    )


def _loadable(settings: WorkerSettings, engine: Engine) -> Iterator[LoadableModel]:
    """Yield the models that this worker holds, or that it could be started with on this device."""
    for each in settings.models:
        if each.name == settings.model_name:
            yield LoadableModel(each.name, engine.limits)
            continue
        if each.memory_bytes > engine.memory_bytes > 0:
            logger.info("%s has too little memory for the model %s", engine.device, each.name)
            continue
        try:
            limits = ModelLimits.of(each.model).with_declared(each.limits)
        except ModelError as error:
            logger.warning("the model %s can't be used here: %s", each.name, error)
        else:
            yield LoadableModel(each.name, limits)


def _lower_priority(settings: WorkerSettings) -> None:
    """Step back before any thread starts or torch is imported: both keep what stands then."""
    os.nice(settings.niceness)
    if settings.threads:
        os.environ["OMP_NUM_THREADS"] = str(settings.threads)
