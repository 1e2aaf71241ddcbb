"""``hotshot-bot doctor``: one line for each thing that ``hotshot-bot run`` needs, and what to fix.

Looks only: it changes nothing, fetches nothing, and logs in nowhere unless told to. What workers
need is looked at by a child of the generator (``generator.cli.check_workers``), since the bot holds
no torch.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path

from sqlalchemy.engine import URL

from bot.app.erasing import ledger_of
from bot.app.lock import lock_holder
from bot.cli import print_json
from bot.cli.doctor_monitoring import describe_metrics, describe_tracing
from bot.cli.token_shape import DEVELOPERS, token_defect
from bot.core.config import (
    DISCORD,
    DiscordSettings,
    Settings,
    StorageSettings,
    load,
)
from bot.core.config_places import find_config
from bot.core.errors import BotError, DatabaseError, DataDirectoryError, TokenError
from bot.core.model_settings import ModelSettings
from bot.core.moderation_settings import ModerationSettings
from bot.policy.pictures.picture_detector import DetectorDownError, PictureDetector
from bot.policy.words.judge import read_owners_lists
from bot.storage.database import create_engine
from bot.storage.migrate import known_revisions, revision_of
from generator.contract.extras import REMOTE_MODULES, require_modules
from generator.contract.findings import Finding, FindingsError, decode_findings, run_check
from generator.contract.limits import ModelLimits, local_path
from generator.contract.worker_settings import WorkerSettings, encode_workers

_BACK_UP = (
    "back it up with `hotshot-bot backup TARGET`, since a copy of the file alone lacks its log"
)
_PACKAGES = ("discord.py", "sqlalchemy", "alembic")
_OF_THE_GENERATOR = ("torch", "diffusers", "transformers")  # whose absence its child explains
_CHECKUP_SECONDS = 600.0  # torch alone may take a minute from a slow disk
_MEGABYTE = 2**20


def execute(arguments: argparse.Namespace) -> int:
    findings = _findings(arguments.config, is_online=arguments.online)
    if arguments.json:
        return _print_json(list(findings))
    healthy = True
    for finding in findings:
        print(f"{_verdict(finding):4} {finding.subject}: {finding.text}", flush=True)
        healthy &= finding.is_fine
    return 0 if healthy else 1


def _print_json(findings: list[Finding]) -> int:
    is_healthy = all(each.is_fine for each in findings)
    shown = [
        {"subject": each.subject, "verdict": _verdict(each).lower(), "text": each.text}
        for each in findings
    ]
    print_json({"is_healthy": is_healthy, "findings": shown})
    return 0 if is_healthy else 1


def _verdict(finding: Finding) -> str:
    if not finding.is_fine:
        return "FIX"
    return "note" if finding.is_doubtful else "ok"


def _findings(file: Path | None, *, is_online: bool) -> Iterator[Finding]:
    """Yield what is found; everything after the config needs the config."""
    yield run_check("packages", _packages)
    try:
        settings = load(file)
    except BotError as error:
        yield Finding.broken("config", error)
        return
    yield Finding(
        "config",
        str(file or find_config() or "none; what the environment doesn't set has its default"),
    )
    if settings.moderation.has_lists:
        yield run_check("words", lambda: _words(settings.moderation))
    if settings.detector.model:
        yield run_check("detector", lambda: _detector(settings))
    yield run_check("token", lambda: _token(settings))
    yield run_check("discord", lambda: _discord(settings.discord))
    if is_online:
        yield run_check("login", lambda: _login(settings))
    yield run_check("data directory", lambda: _data_directory(settings.storage.data_dir))
    yield run_check("disk", lambda: _disk(settings.storage))
    yield run_check("database", lambda: _database(settings.storage))
    if settings.privacy.erased is not None:
        yield run_check("erasures", lambda: f"{ledger_of(settings).check()} are noted")
    if settings.remote.is_used:
        yield run_check("remote", lambda: _remote(settings, is_online=is_online))
    if settings.metrics.listen:
        yield run_check("metrics", lambda: describe_metrics(settings))
    if settings.tracing.endpoint:
        yield run_check("tracing", lambda: describe_tracing(settings))
    yield from _workers(settings)


def _packages() -> str:
    try:
        versions = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions += [f"{name} {metadata.version(name)}" for name in _OF_THE_GENERATOR]
        return ", ".join(versions)
    except metadata.PackageNotFoundError as error:
        raise BotError(f"{error.name} is not installed; install the project with pip.") from error


def _words(moderation: ModerationSettings) -> str:
    lists = read_owners_lists(moderation)
    return f"{lists.withheld_count} entries withhold a GIF, {lists.covered_count} cover it"


def _detector(settings: Settings) -> str:
    detector = PictureDetector(settings.detector, log_level="ERROR", may_fetch=False)

    async def check() -> tuple[str, ...]:
        try:
            return await detector.check()
        finally:
            await detector.close()

    try:
        known = asyncio.run(check())
    except DetectorDownError as error:
        raise BotError(f"The detector doesn't start: {error.reason}.") from error
    wanted = ", ".join(sorted(settings.detector.classes))
    return f"{settings.detector.model} knows {len(known)} classes; looked for: {wanted}"


# -- Discord ---------------------------------------------------------------------------------------


def _token(settings: Settings) -> str:
    token = settings.require_token()
    if settings.discord.base_url == DISCORD and (trouble := token_defect(token)):
        raise TokenError(
            f"The bot's token {trouble}; on {DEVELOPERS} choose your application, then Bot, then "
            "Reset Token, and copy what it shows to discord.token in the config."
        )
    return "is set; --online checks whether Discord accepts it, as does the bot's start"


def _discord(settings: DiscordSettings) -> str:
    from bot.app.login import check_address

    check_address(settings)
    return settings.base_url


def _login(settings: Settings) -> str:
    from bot.app.login import check_login

    settings.require_token()
    return str(asyncio.run(check_login(settings.discord)))


# -- disk and database -----------------------------------------------------------------------------


def _data_directory(path: Path) -> str:
    nearest = _nearest(path)
    used = [each for each in (path / "lock", path / "scratch", path / "blobs") if each.exists()]
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    if not writable or not all(os.access(each, os.W_OK) for each in used):
        raise DataDirectoryError(
            f"{path} can't be written; choose another with storage.data_dir in the config."
        )
    running = lock_holder(path)
    if running is not None:
        return f"{path}, in use by the running bot (process {running})"
    return str(path) if path.exists() else f"{path}, created at the first start"


def _disk(storage: StorageSettings) -> str:
    free = shutil.disk_usage(_nearest(storage.data_dir)).free // _MEGABYTE
    if free < storage.min_free_mb:
        raise DataDirectoryError(
            f"The disk of {storage.data_dir} has {free} MB free, and nothing is accepted below "
            f"{storage.min_free_mb} (storage.min_free_mb); make room."
        )
    return f"{free} MB are free for {storage.data_dir}"


def _nearest(path: Path) -> Path:
    """Return the path, or the nearest directory above it that exists."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


def _database(storage: StorageSettings) -> str:
    address = create_engine(storage.url).url
    file = _sqlite_file(address)
    if file is not None and not file.exists():
        return _made_at_first_start(file, storage.data_dir)
    current = _revision(storage.url)
    newest = known_revisions()[-1]
    if current is None:
        return f"is empty; the next start upgrades it to {newest}"
    state = current if current == newest else f"{current}; the next start upgrades it to {newest}"
    return state if file is None else f"{state}; {_BACK_UP}"


def _sqlite_file(address: URL) -> Path | None:
    name = address.database if address.get_backend_name() == "sqlite" else None
    return Path(name) if name and name != ":memory:" else None


def _made_at_first_start(file: Path, data_dir: Path) -> str:
    """Return a sentence for a database that doesn't exist yet.

    The bot makes its data directory, and no other: raises DatabaseError.
    """
    parent = file.absolute().parent
    is_own = parent == data_dir.absolute()  # which was looked at
    if not is_own and not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        raise DatabaseError(
            f"The database {file} can't be created, since {parent} isn't a directory that can be "
            "written to; create it, or fix storage.database_url."
        )
    return "created at the first start"


def _revision(url: str) -> str | None:
    engine = create_engine(url)
    try:
        return revision_of(engine)
    finally:
        engine.dispose()


def _remote(settings: Settings, *, is_online: bool) -> str:
    require_modules(*REMOTE_MODULES)
    from bot.cli.doctor_remote import describe_remote

    return describe_remote(settings, is_online=is_online)


# -- the workers -----------------------------------------------------------------------------------


def _workers(settings: Settings) -> Iterator[Finding]:
    """Yield what the bot needs of the model, and then what its workers need."""
    from bot.app.worker_settings import worker_settings

    limits = run_check("model", lambda: _described(ModelLimits.of(settings.generator.model)))
    if not settings.generator.device_names:
        yield from (limits, Finding("device", "none here; GPU hosts elsewhere make everything"))
        return
    if not limits.is_fine:
        yield limits
    for name, model in settings.models.items():
        found = run_check(f"limits of {name}", partial(_limits_of, model))
        if found.is_fine:  # else the generator's child says what is wrong
            yield found
    running = lock_holder(settings.storage.data_dir)
    for finding in _check_workers(worker_settings(settings)):
        if finding.subject == "model" and not limits.is_fine:
            continue  # told already
        if finding.subject == "memory" and not finding.is_fine and running is not None:
            yield Finding("memory", f"held by the running bot (process {running})")
        else:
            yield finding


def _limits_of(model: ModelSettings) -> str:
    """Return what a model can be asked for, as far as this machine knows. Raises ModelError."""
    if local_path(model.model) is None and "native_edge" not in model.declared:
        return "the original's, or what a worker reports; native_edge and max_frames set them"
    return _described(ModelLimits.of(model.model).with_declared(model.declared))


def _described(limits: ModelLimits) -> str:
    return (
        f"{limits.native_edge} pixels square, {limits.max_frames} frames, {limits.steps} steps "
        f"(at most {limits.max_steps}), {limits.scheduler}"
    )


def _check_workers(workers: Sequence[WorkerSettings]) -> list[Finding]:
    """Return what a child of the generator finds.

    What goes wrong with it would go wrong with a worker.
    """
    try:
        child = subprocess.run(
            (sys.executable, "-m", "generator.cli.check_workers"),
            input=encode_workers(workers),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_CHECKUP_SECONDS,
            check=False,
        )
        findings = decode_findings(child.stdout)
    except (OSError, subprocess.TimeoutExpired, FindingsError) as error:
        return [Finding.broken("generator", f"It can't be started ({error}).")]
    if child.returncode:
        reason = (child.stderr.strip().splitlines() or [f"exit code {child.returncode}"])[-1]
        words = f"It can't be started ({reason}); install the project again with pip."
        return [*findings, Finding.broken("generator", words)]
    return findings
