"""Every query on moderation, servers, what is held of people, and what is erased."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.storage import (
    appeals,
    daily_usage,
    erasure,
    guilds,
    holdings,
    jobs,
    library,
    moderation,
    retention,
    shares,
    usage,
)
from bot.storage.appeals import Appeal
from bot.storage.erasure import Subject
from bot.storage.models import BOT
from bot.storage.moderation import AuditEntry, Block, Report
from bot.storage.personal_data import TABLES
from bot.storage.personal_rows import TableData
from tests.bot.storage.asking import (
    ADA,
    BLOBS,
    CHANNEL,
    EVERY,
    NOW,
    SERVER,
    TEXT,
    A,
    Asking,
    B,
    C,
    D,
)


def of_moderation(ask: Asking) -> None:
    entry = AuditEntry(guild_id=SERVER, actor_id=1, action="blocked", detail=TEXT, created_at=NOW)
    block = Block(kind="person", target_id=2**62, until=NOW, reason=TEXT, created_at=NOW)
    for each in (block, replace(block, until=None)):
        ask(moderation.put_block, each, entry)
        ask(moderation.all_blocks)
    for _ in range(2):
        ask(moderation.drop_block, ("person", 2**62, block.guild_id), entry)
    ask(moderation.record, replace(entry, guild_id=None))
    for guild_id in (SERVER, None):
        ask(moderation.logged, guild_id, limit=3)
    report = Report(id=A, job_id=A, guild_id=SERVER, reporter_id=1, reason=TEXT, created_at=NOW)
    for report_id in (A, B):
        ask(moderation.add_report, replace(report, id=report_id))
    for decision in ("kept", "removed"):
        ask(moderation.decide, A, decision, entry)
    for report_id in (A, D):
        ask(moderation.note_report_message, report_id, CHANNEL, 2**62)
    ask(moderation.report_of, A)


def of_appeals(ask: Asking) -> None:
    entry = AuditEntry(guild_id=None, actor_id=1, action="appeal_kept", created_at=NOW)
    ask(jobs.note, B, withheld=BLOBS[6])
    for each in (A, B, B):
        ask(appeals.put, Appeal(job_id=each, guild_id=SERVER, created_at=NOW))
    ask(appeals.note_message, B, None, CHANNEL, 2**62)
    ask(appeals.allowed_not_delivered)
    for decision in (appeals.ALLOWED, appeals.KEPT):
        ask(appeals.decide, B, decision, 2**62, entry)
        ask(appeals.allowed_not_delivered)
    ask(appeals.decide, A, appeals.KEPT, 1, entry)
    for each in (A, B, C):
        ask(appeals.of_job, each)


def of_guilds(ask: Asking) -> None:
    ask(guilds.note_members, [1, 2, SERVER])
    ask(guilds.note_members, [1, 2**62])
    for each in (2, 2, 2**61):
        ask(guilds.note_left, each, NOW)
    ask(guilds.reconcile, [2, SERVER], NOW + timedelta(hours=1))
    for before in (NOW, NOW + timedelta(hours=2)):
        ask(guilds.left_before, before)
    for each in (1, 2, 1):
        ask(guilds.forget, each)


def of_holdings(ask: Asking) -> None:
    for user_id in (ADA, BOT, 99):
        ask(holdings.count, user_id)
        for data in TABLES:
            # a row's moment is that of the writing, unless it was given one
            ask(lambda connection, its=data, who=user_id: _rows(connection, its, who))
        for query in (holdings.loras_of, holdings.sources_of):
            ask(query, user_id)
        for before in (None, 2):
            ask(holdings.results_of, user_id, before, 1)
    ask.asked.add(holdings.exported_page)


def _rows(connection: Connection, data: TableData, user_id: int) -> object:
    rows, after = holdings.exported_page(connection, data, user_id, ())
    again = holdings.exported_page(connection, data, user_id, after) if after else ()
    return [
        {name: value for name, value in row.items() if not isinstance(value, datetime)}
        for row in rows
    ], again


def of_retention(ask: Asking) -> None:
    for query in (daily_usage.forget_expired, shares.forget_expired, usage.forget_expired):
        ask(query)
    for before in (None, NOW, NOW + timedelta(days=1)):
        ask(lambda connection, at=before: sorted(retention.unneeded(connection, before=at)))
    ask(lambda connection: sorted(retention.referenced(connection, BLOBS)))
    ask(lambda connection: sorted(retention.all_referenced(connection)))
    ask.asked |= {retention.unneeded, retention.referenced, retention.all_referenced}
    ask(retention.forget, BLOBS)
    ask(jobs.get, A)
    ask(jobs.attachments_of, A)
    for each in (A, "none"):
        ask(library.erase, each)
    ask(library.page, EVERY, limit=9, offset=0)


def of_an_erasure(ask: Asking) -> None:
    for _ in range(2):
        ask(erasure.begin, ADA, NOW)
    ask(erasure.pending)
    ask(erasure.owners_untold, ADA)
    ask(lambda connection: sorted(erasure.people(connection)))
    ask.asked.add(erasure.people)
    for subject in (Subject(ADA), Subject(SERVER, is_server=True)):
        for step in range(len(subject.steps)):
            while ask(erasure.erase_some, subject, step):
                pass
    ask(erasure.files_left)
    found = ask(erasure.free_files, "")
    ask(erasure.free_files, found.last)
    ask(erasure.note_files_gone, found.blobs)
    ask(erasure.files_left)
    ask(erasure.pending_of, ADA)
    ask(erasure.note_rows_gone, ADA)
    ask(erasure.pending_of, ADA)
    messages = erasure.some_messages(ask.connection)
    ask.asked.add(erasure.some_messages)
    ask.said.append(("some_messages", sorted(messages)))
    for message in sorted(messages):
        ask(erasure.note_message_gone, message)
    for user_id in (ADA, 99):
        ask(erasure.end_if_over, user_id)
        ask(erasure.pending_of, user_id)
        ask(holdings.count, user_id)
