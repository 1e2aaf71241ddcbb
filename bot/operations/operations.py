"""The operations themselves, by their names; those on jobs stand in ``job_operations``."""

from __future__ import annotations

import os
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.errors import ConfigError, RefusedError
from bot.core.section import Section
from bot.operations import requests
from bot.operations.blocking import cancel_blocked
from bot.operations.job_operations import JobOperations
from bot.operations.needs import Needs, Operator, audit_entry
from bot.operations.outcome import Line, Outcome, Row, moment, person
from bot.operations.requests import parse_request
from bot.storage.models import Job, State
from bot.storage.moderation import EVERYWHERE, PERSON, Block
from bot.storage.preferences import BOT_ITSELF, OWNER
from bot.workers.device_report import DeviceReport
from bot.workers.host_report import HostReport
from generator.contract.text import Text
from generator.contract.version import VERSION

_PAUSED = "paused"  # in the preferences of the bot's owner
_MOST_REMEMBERED = 20  # announcements

Call = Callable[[Any, Operator], Awaitable[Outcome]]


class Operations:
    """What ``/owner`` and the owner's socket call."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._announced: OrderedDict[str, set[int]] = OrderedDict()  # who has read which words
        jobs = JobOperations(needs)
        self._calls: Mapping[str, Call] = {
            "status": self._status,
            "workers": self._workers,
            "drain": self._drain,
            "resume": self._resume,
            "pause": self._pause,
            "restart": self._restart,
            "jobs": jobs.find,
            "cancel": jobs.cancel,
            "again": jobs.again,
            "logs": jobs.logs,
            "announce": self._announce,
            "block": self._block,
            "unblock": self._unblock,
            "blocked": self._blocked,
            "reload": self._reload,
        }

    @property
    def needs(self) -> Needs:
        """What they work with."""
        return self._needs

    async def run(self, name: str, said: Mapping[str, Any], by: Operator) -> Outcome:
        """Do one thing. Raises RefusedError, RequestError, StorageError, and nothing was done."""
        request: Section = parse_request(name, said)
        return await self._calls[name](request, by)

    async def restore(self) -> None:
        """Pause the models that an earlier run had paused, as far as there are any of them."""
        kept = (await self._needs.preferences.get(OWNER, BOT_ITSELF)).get(_PAUSED) or ()
        for name in self._needs.models.names:
            model = self._needs.models.get(name)
            if model.key in kept:
                self._needs.jobs.holds.pause_model(model.key, model.label)

    # -- how things stand --------------------------------------------------------------------------

    async def _status(self, said: requests.Nothing, by: Operator) -> Outcome:
        del said, by
        needs = self._needs
        counts = self._counts()
        holds, config = needs.jobs.holds, needs.config
        is_changed = await config.is_changed()
        values: dict[str, Any] = {
            "version": VERSION,
            "process": os.getpid(),
            "started": needs.started.isoformat(),
            "is_drained": holds.is_drained,
            "jobs": counts,
            "paused_models": list(holds.models.values()),
            "config": {
                "file": str(config.path),
                "is_changed": is_changed,
                "waiting_for_restart": list(config.waiting),
            },
        }
        lines: list[Line] = [
            Text(
                "Running since {when}, version {version}.",
                when=moment(needs.started),
                version=VERSION,
            ),
            Text("Waiting: {queued}, being made: {running}, on their way: {delivering}.", **counts),
        ]
        if holds.is_drained:
            lines.append(Text("No new GIFs are accepted until the bot is resumed."))
        if holds.models:
            lines.append(Text("Paused models: {models}.", models=", ".join(holds.models.values())))
        if is_changed:
            lines.append(
                Text("The config has changed since it was read; reload applies the changes.")
            )
        lines += _waiting_lines(config.waiting)
        workers = self._workers_outcome()
        return Outcome(values | workers.values, [*lines, *workers.lines])

    async def _workers(self, said: requests.Nothing, by: Operator) -> Outcome:
        del said, by
        return self._workers_outcome()

    def _workers_outcome(self) -> Outcome:
        devices, hosts = self._needs.pool.reports(), self._needs.hosts()
        lines: list[Line] = [*map(_device_row, devices), *map(_host_row, hosts)]
        values = {
            "workers": [asdict(each) for each in devices],
            "hosts": [asdict(each) for each in hosts],
        }
        return Outcome(values, lines or [Text("There are no workers.")])

    def _counts(self) -> dict[str, int]:
        states = Counter(job.state for job in self._needs.jobs.of_people())
        return {
            state.value: states[state] for state in (State.QUEUED, State.RUNNING, State.DELIVERING)
        }

    # -- held and let go on ------------------------------------------------------------------------

    async def _drain(self, said: requests.Nothing, by: Operator) -> Outcome:
        del said
        if self._needs.jobs.holds.set_drained(is_drained=True):
            await self._needs.record(by, "drained")
        counts = self._counts()
        text = Text(
            "No new GIFs are accepted now. Being finished: {running}; waiting until the bot is "
            "resumed: {queued}.",
            **counts,
        )
        return Outcome({"is_drained": True, "jobs": counts}, [text])

    async def _resume(self, said: requests.Resume, by: Operator) -> Outcome:
        needs = self._needs
        if said.model:
            model = needs.models.named(said.model)
            if model.key in needs.jobs.holds.models:
                await self._keep_paused(set(needs.jobs.holds.models) - {model.key})
                needs.jobs.holds.resume_model(model.key)
                await needs.record(by, "resumed", model.label)
            return Outcome(
                {"model": model.label}, [Text("{model} is running again.", model=model.label)]
            )
        if needs.jobs.holds.set_drained(is_drained=False):
            await needs.record(by, "resumed")
        return Outcome({"is_drained": False}, [Text("New GIFs are accepted again.")])

    async def _pause(self, said: requests.OneModel, by: Operator) -> Outcome:
        needs = self._needs
        model = needs.models.named(said.model)
        if model.key not in needs.jobs.holds.models:
            await self._keep_paused({*needs.jobs.holds.models, model.key})
            needs.jobs.holds.pause_model(model.key, model.label)
            await needs.record(by, "paused", model.label)
        text = Text("{model} is paused; anybody who asks for it is told.", model=model.label)
        return Outcome({"model": model.label}, [text])

    async def _keep_paused(self, models: set[str]) -> None:
        """Write which models are paused, so that a restart finds them so."""
        kept = {_PAUSED: sorted(models) or None}
        await self._needs.preferences.change(OWNER, BOT_ITSELF, kept)

    async def _restart(self, said: requests.Restart, by: Operator) -> Outcome:
        pool = self._needs.pool
        if not await pool.restart(said.worker, at_once=said.now):
            known = ", ".join(each.key for each in pool.reports()) or "-"
            raise RefusedError(
                "There is no worker {name}; choose one of {known}.", name=said.worker, known=known
            )
        await self._needs.record(by, "restarted", said.worker)
        text = Text("{worker} restarts after its current job.", worker=said.worker)
        if said.now:
            text = Text(
                "{worker} is restarting; the job that it was on is made again.", worker=said.worker
            )
        return Outcome({"worker": said.worker}, [text])

    # -- people ------------------------------------------------------------------------------------

    async def _announce(self, said: requests.Announce, by: Operator) -> Outcome:
        """Tell each who waits, once, whoever says it how often."""
        told = self._announced.setdefault(said.text, set())
        self._announced.move_to_end(said.text)
        if len(self._announced) > _MOST_REMEMBERED:
            self._announced.popitem(last=False)
        first: dict[int, Job] = {}
        for job in self._needs.jobs.of_people():
            first.setdefault(job.user_id, job)
        new = [job for user_id, job in first.items() if user_id not in told]
        told.update(job.user_id for job in new)  # before anything is awaited: it may be said twice
        reached: Collection[int] = ()
        try:
            reached = await self._needs.announcer.announce(said.text, new)
        finally:
            told.difference_update({job.user_id for job in new}.difference(reached))
        if new:
            await self._needs.record(by, "announced", detail=said.text)
        values = {"people": len(first), "new": len(new), "reached": len(reached)}
        text = Text(
            "People waiting: {people}; told just now: {reached} of {new} who hadn't read it.",
            **values,
        )
        return Outcome(values, [text])

    async def _block(self, said: requests.BlockPerson, by: Operator) -> Outcome:
        if said.user == by.user_id:
            raise RefusedError("You can't block yourself.")
        now, why = datetime.now(UTC), " ".join(said.reason.split())
        block = Block(
            kind=PERSON,
            target_id=said.user,
            until=None if said.hours is None else now + timedelta(hours=said.hours),
            reason=why,
            name=said.name,
            actor_id=by.user_id,
            created_at=now,
        )
        await self._needs.blocks.block(block, audit_entry(by, "block", person(said.user), why))
        cancelled = await cancel_blocked(self._needs.jobs, block)
        values = {"user": str(said.user), "cancelled": cancelled}
        return Outcome(values, [Text("🚫 <@{user}> is blocked.", user=said.user)])

    async def _unblock(self, said: requests.OnePerson, by: Operator) -> Outcome:
        entry = audit_entry(by, "unblock", person(said.user))
        await self._needs.blocks.unblock((PERSON, said.user, EVERYWHERE), entry)
        text = Text("✅ <@{user}> is no longer blocked.", user=said.user)
        return Outcome({"user": str(said.user)}, [text])

    async def _blocked(self, said: requests.Nothing, by: Operator) -> Outcome:
        del said, by
        found = self._needs.blocks.listed(EVERYWHERE)
        values = [
            {
                "kind": each.kind,
                "id": str(each.target_id),
                "name": each.name,
                "until": each.until and each.until.isoformat(),
                "reason": each.reason,
            }
            for each in found
        ]
        lines: list[Line] = [_block_row(each) for each in found]
        return Outcome({"blocked": values}, lines or [Text("Nobody.")])

    # -- the config --------------------------------------------------------------------------------

    async def _reload(self, said: requests.Nothing, by: Operator) -> Outcome:
        del said
        try:
            done = await self._needs.config.reload()
        except ConfigError as error:
            raise RefusedError("The config stays as it was: {reason}", reason=str(error)) from error
        if done.changed:
            await self._needs.record(by, "reloaded", detail=", ".join(done.changed))
        text = Text("The config was read again; nothing that applies right away has changed.")
        if done.changed:
            text = Text("Applied: {keys}.", keys=", ".join(done.changed))
        values = {"changed": list(done.changed), "waiting_for_restart": list(done.waiting)}
        return Outcome(values, [text, *_waiting_lines(done.waiting)])


def _waiting_lines(keys: tuple[str, ...]) -> list[Line]:
    if not keys:
        return []
    return [Text("These changes wait for a restart: {keys}.", keys=", ".join(keys))]


def _device_row(device: DeviceReport) -> Row:
    words = [device.key, device.state]
    words += [device.device] if device.device != device.key else []
    words += [device.model, device.dtype]
    words += [f"{device.memory_bytes / 1e6:.0f} MB"] if device.memory_bytes else []
    words += [device.job_id[:12], f"{device.made} made", device.failure]
    return tuple(word for word in words if word)


def _host_row(host: HostReport) -> Row:
    words = (host.name, host.state, host.card, host.model, host.job_id[:12], host.refusal)
    return tuple(word for word in words if word)


def _block_row(block: Block) -> Row:
    whom = person(block.target_id) if block.kind == PERSON else str(block.target_id)
    until = moment(block.until) if block.until else Text("for good")
    return tuple(word for word in (whom, until, block.reason) if word)
