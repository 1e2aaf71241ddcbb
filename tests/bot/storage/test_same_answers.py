"""SQLite and PostgreSQL are asked the same, and answer the same: every query that there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.storage import (
    appeals,
    costs,
    daily_usage,
    drafts,
    edits,
    erasure,
    gallery,
    guilds,
    holdings,
    jobs,
    library,
    loras,
    moderation,
    preferences,
    registrations,
    retention,
    samples,
    sent_forms,
    shares,
    usage,
    word_lists,
)
from bot.storage.database import create_engine
from bot.storage.drafts import Draft
from bot.storage.edits import Edit
from bot.storage.gallery import GalleryPost
from bot.storage.loras import Shared, Viewer
from bot.storage.migrate import create
from bot.storage.models import BOT, Attachment, State
from bot.storage.moderation import AuditEntry, Block
from tests.bot.jobs.samples import ORIGIN, REQUEST
from tests.bot.storage.asking import (
    ADA,
    BLOBS,
    CHANNEL,
    EVERY,
    NOW,
    SERVER,
    TEXT,
    VIEWER,
    A,
    Asking,
    B,
    C,
    D,
    lora,
)
from tests.bot.storage.community_queries import (
    of_an_erasure,
    of_appeals,
    of_guilds,
    of_holdings,
    of_moderation,
    of_retention,
)
from tests.postgres import cluster

MODULES = (
    appeals, costs, daily_usage, drafts, edits, erasure, gallery, guilds, holdings, jobs, library,
    loras, moderation, preferences, registrations, retention, samples, sent_forms, shares, usage,
    word_lists,
)  # fmt: skip


def of_jobs(ask: Asking) -> None:
    values: dict[str, Any] = {"model": "nano", "now": NOW}
    request = replace(REQUEST, prompt=TEXT)
    files = [Attachment(BLOBS[0], TEXT, 2**40)]
    first = ask(jobs.add, A, origin=ORIGIN, request=request, attachments=files, **values)
    grouped = replace(ORIGIN, group_id=D, group_place=1, parent_id=A, relation="resumed")
    second = ask(jobs.add_within, B, 5, origin=grouped, request=request, **values)
    assert ask(jobs.add_within, C, 2, origin=ORIGIN, request=request, **values) is None
    sample = replace(ORIGIN, user_id=BOT, parent_id="key", relation=samples.SAMPLE)
    third = ask(jobs.add, C, origin=sample, request=request, **values)
    running = ask(jobs.move, first, State.RUNNING, attempt=1, started_at=NOW)
    assert ask(jobs.move, first, State.RUNNING, attempt=1) is None
    made = {"output": BLOBS[1], "seconds": 0.1 + 0.2, "size_bytes": 2**40}
    ask(jobs.move, running, State.DONE, finished_at=NOW, message_id=2**62, **made)
    ask(jobs.move, third, State.DONE, finished_at=NOW, output=BLOBS[2])
    ask(jobs.move, second, State.FAILED, error="x", reason={"template": TEXT, "values": {}})
    for each in (A, B, "none"):
        ask(jobs.get, each)
        ask(jobs.attachments_of, each)
    for query in (jobs.unfinished, jobs.owner_not_notified):
        ask(query)
    ask(lambda connection: sorted(jobs.counts(connection).items()))
    ask.asked.add(jobs.counts)
    ask(jobs.note, B, owner_notified=True)
    ask(jobs.owner_not_notified)
    ask(jobs.group, D)
    for wanted in ({}, {"id_prefix": "a"}, {"user_id": ADA, "states": [State.DONE]}):
        ask(jobs.find, limit=5, **wanted)
    ask(jobs.is_resumed, A)
    ask(usage.used, ADA, NOW)
    ask(usage.used, ADA, NOW, SERVER)
    ask(usage.used, 99, NOW)
    ask(shares.load, NOW)
    ask(shares.load, NOW + timedelta(days=99))
    ask.asked |= {usage.note, shares.note}  # by the move to done


def of_samples(ask: Asking) -> None:
    for query in (samples.find, samples.unfinished):
        ask(query, ["key", "other"])
    ask(samples.every)
    ask(samples.forget, ["key"])
    ask(samples.every)


def of_a_library(ask: Asking) -> None:
    for _ in range(3):
        ask(library.toggle_favourite, ADA, A)
        ask(library.is_favourite, ADA, A)
    words = ("", "größe", "100 %", "_", "\\", "none")
    filters = [replace(EVERY, words=each) for each in words]
    for each in (*filters, replace(EVERY, only="favourites"), replace(EVERY, only="failed")):
        ask(library.count, each)
        ask(library.page, each, limit=10, offset=0)
    ask(library.page, EVERY, limit=1, offset=1)
    for start in ("a", "b" * 12, "", "f"):
        ask(library.beginning_with, start)
    ask(library.posted_as, 2**62)
    ask(library.children, A)
    ask(library.prompts_shown_to, ADA, [], limit=5)
    ask(library.prompts_shown_to, 99, [CHANNEL], limit=5)
    ask(library.own_attachment, ADA, BLOBS[0])
    ask(library.own_attachment, 99, BLOBS[0])


def of_loras(ask: Asking) -> None:
    kept = [
        lora(1, "Ink", Shared.ME, BLOBS[3]),
        lora(2, "ink wash", Shared.SERVER, BLOBS[4]),
        lora(3, TEXT, Shared.EVERYBODY, BLOBS[5]),
    ]
    ask(loras.add, kept[0])
    for each in kept[1:]:
        ask(loras.add_within, each, most=9, most_bytes=2**60)
    ask(loras.add_within, lora(4, "more", Shared.ME, BLOBS[6]), most=3, most_bytes=2**60)
    for viewer in (VIEWER, Viewer(99, SERVER), Viewer(99, None)):
        for typed in ("ink", "Größe", "%", "", kept[1].id):
            ask(loras.usable, viewer, typed)
            ask(loras.matching, viewer, typed, limit=10)
        ask(loras.page, viewer, limit=2, offset=0)
        for blob in BLOBS[3:6]:
            ask(loras.usable_by_blob, viewer, blob)
        ask(loras.usable_by_file, viewer, "ink", None)
        ask(loras.usable_by_file, viewer, "ink", BLOBS[3][:8])
        ask(library.may_use_lora, viewer.user_id, viewer.guild_id, BLOBS[4])
    ask(library.is_kept_lora, BLOBS[3])
    ask(loras.last_trial, kept[0], ADA, SERVER)
    ask(loras.with_blob, BLOBS[3])
    ask(loras.kept_by, ADA)
    ask(loras.own_named, ADA, "INK")
    ask(loras.own_named, ADA, "x", BLOBS[3])
    ask(loras.adult_among, BLOBS)
    ask(loras.change, kept[0].id, name="Pen", name_key="pen", adult=True)
    ask(loras.usable, VIEWER, "pen")
    ask(loras.remove, kept[2].id)
    ask(loras.page, VIEWER, limit=9, offset=0)


def of_a_gallery(ask: Asking) -> None:
    post = GalleryPost(id=C, job_id=A, guild_id=SERVER, channel_id=CHANNEL)
    for each in (post, replace(post, id=D)):
        ask(gallery.reserve, each)
    ask(gallery.note_message, C, CHANNEL, 2**62, TEXT)
    for user in (1, 2, 1, 1):
        ask(gallery.toggle_vote, C, user)
        ask(gallery.vote_count, C)
    for until in (NOW, None):  # one that is over, and one that holds
        block = Block(kind="person", target_id=2, until=until, created_at=NOW)
        ask(
            moderation.put_block,
            block,
            AuditEntry(guild_id=0, actor_id=1, action="", created_at=NOW),
        )
        ask(gallery.vote_count, C)
    ask(gallery.toggle_vote, D, 1)
    ask(gallery.get, C)
    ask(gallery.of_job, A)
    ask(gallery.is_shared_in, A, CHANNEL)
    ask(gallery.top, SERVER, datetime.now(UTC) - timedelta(days=1), 5)
    ask(library.posted_as, 2**62)
    ask(gallery.remove, C)
    ask(gallery.top, SERVER, datetime.now(UTC) - timedelta(days=1), 5)


def of_drafts_and_edits(ask: Asking) -> None:
    draft = Draft(A, ADA, BLOBS[7], {"files": [], "words": {"a": TEXT}, "none": None})
    ask(drafts.add, draft)
    for number in range(3):
        ask(drafts.add_within, replace(draft, id=f"{number:032x}"), 2)
    for each in (A, B):
        ask(drafts.get, each)
        ask(drafts.change, each, {"more": 1.5})
        ask(drafts.merge, each, ADA, {"words": {"b": "x"}})
        ask(drafts.consume, each, ADA)
    ask(drafts.forget_expired)
    edit = ask(edits.add, Edit(A, (("caption", TEXT),)), ADA)
    ask(edits.get, edit)
    for amount in (5, 5, 5):
        ask(daily_usage.note_within, ADA, "files", amount, 12)
    ask(daily_usage.within_a_day, ADA, "files")


def of_settings(ask: Asking) -> None:
    for values in ({"a": TEXT, "b": 1.5}, {"a": None}, {"c": [1]}):
        ask(preferences.change, preferences.PERSON, ADA, values)
        ask(preferences.get, preferences.PERSON, ADA)
    for words in (TEXT, "x\ny"):
        ask(word_lists.put, SERVER, "withhold", words)
        ask(word_lists.get, SERVER)
        ask(registrations.save, 2**62, words)
        ask(registrations.commands_hash, 2**62)
        ask(costs.save, "nano", "cpu", {"sums": [0.1, 1e300, words]})
        ask(costs.load, "nano")
        ask(sent_forms.record_if_new, "0" * 16)


PARTS = (
    of_jobs, of_samples, of_a_library, of_loras, of_a_gallery, of_drafts_and_edits, of_settings,
    of_moderation, of_appeals, of_guilds, of_holdings, of_retention, of_an_erasure,
)  # fmt: skip


def answers(url: str) -> Asking:
    engine = create_engine(url)
    create(engine)
    asking = Asking()
    for part in PARTS:
        with engine.begin() as asking.connection:
            part(asking)
    engine.dispose()
    return asking


def queries() -> Iterator[Callable[..., Any]]:
    """Every function of the queries' modules that works on a connection."""
    for module in MODULES:
        for function in vars(module).values():
            is_own = inspect.isfunction(function) and function.__module__ == module.__name__
            if is_own and not function.__name__.startswith("_"):
                first = next(iter(inspect.signature(function).parameters.values()), None)
                if first is not None and first.annotation == "Connection":
                    yield function


def test_both_answer_the_same(tmp_path: Path) -> None:
    sqlite = answers(f"sqlite:///{tmp_path / 'hotshot.db'}")
    with cluster() as url:
        postgresql = answers(url)
    assert postgresql.said == sqlite.said
    missing = [query.__name__ for query in queries() if query not in postgresql.asked]
    assert missing == [], "put them into one of PARTS"
