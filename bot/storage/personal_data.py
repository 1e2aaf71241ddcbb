"""What of each table is a person's or a server's: how it is found, exported and erased.

Every table stands here, in the order in which rows are erased, since some are found by others; the
tests refuse one that doesn't, and a column of which nobody said whether it is exported. They do the
same with ``DATA_DIRECTORY`` and what lies beside the database. Exports and erasures go by these
lists and by nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.storage import tables
from bot.storage.moderation import ERASED
from bot.storage.moderation import SERVER as BLOCKED_SERVER
from bot.storage.personal_rows import (
    Blank,
    Delete,
    Keep,
    TableData,
    blobs_of_draft,
    decided_by_or_on,
    decided_by_report_of,
    decided_on,
    decided_on_and_over,
    is_,
    is_blocked,
    messages_of_job,
    named_block,
    of_own_jobs,
    past_block,
    votes_for_own,
    votes_in,
)
from bot.storage.preferences import PERSON, SERVER
from bot.storage.retention import UPGRADE_COPIES
from bot.storage.usage import KEPT_DAYS


def columns(names: str) -> tuple[str, ...]:
    """Return names that stand with spaces between them."""
    return tuple(names.split())


_FORGETS_PLACE = {
    "guild_id": None,
    "channel_id": 0,
    "message_id": None,
    "message_channel_id": None,
    "answer_id": None,
}
_ANSWERS = "it opens Discord's answer to the command"
_INTERNAL = "it says nothing but how the bot finds the row"
_OTHERS = "it is somebody else's id"

TABLES: tuple[TableData, ...] = (
    TableData(
        table=tables.audit,
        of_person=(
            Blank(decided_by_report_of, {"detail": ""}, "a server's decision stays"),
            Blank(
                decided_on_and_over,
                {"target": "", "detail": ""},
                "that a decision was taken stays, without whom it was about",
            ),
            Keep(decided_on, "a block that holds stays with its reason"),
            Blank(
                is_(tables.audit, "actor_id"),
                {"actor_id": ERASED, "detail": ""},
                "a server's decision stays, without who took it and what they wrote",
            ),
        ),
        of_server=(Delete(is_(tables.audit, "guild_id")),),
        export=decided_by_or_on,
        exported=columns("guild_id action target detail created_at"),
        unexported={"number": _INTERNAL, "actor_id": _OTHERS},
    ),
    TableData(
        table=tables.blocks,
        of_person=(
            Delete(past_block),
            Blank(named_block, {"name": ""}, "erasing would otherwise be a way round a block"),
            Blank(
                is_(tables.blocks, "actor_id"),
                {"actor_id": ERASED},
                "a block of somebody else stays, with the reason that they read",
            ),
        ),
        of_server=(
            Delete(is_(tables.blocks, "guild_id")),
            Keep(
                is_(tables.blocks, "target_id", kind=BLOCKED_SERVER),
                "leaving would otherwise be a way round a block",
            ),
        ),
        export=is_blocked,
        exported=columns("kind target_id guild_id until reason name created_at"),
        unexported={"actor_id": _OTHERS},
    ),
    TableData(
        table=tables.reports,
        of_person=(Delete(is_(tables.reports, "reporter_id")), Delete(of_own_jobs(tables.reports))),
        of_server=(Delete(is_(tables.reports, "guild_id")),),
        export=is_(tables.reports, "reporter_id"),
        exported=columns(
            "job_id guild_id reporter_id reason created_at decision channel_id message_id"
        ),
        unexported={"id": _INTERNAL},
        messages=lambda row: iter([(row["channel_id"] or 0, row["message_id"])]),
    ),
    TableData(
        table=tables.appeals,
        of_person=(
            Delete(of_own_jobs(tables.appeals)),
            Blank(
                is_(tables.appeals, "decided_by"),
                {"decided_by": ERASED},
                "a decision about somebody else's GIF stays, without who took it",
            ),
        ),
        of_server=(Delete(is_(tables.appeals, "guild_id")),),
        export=of_own_jobs(tables.appeals),
        exported=columns("job_id guild_id channel_id message_id created_at decision"),
        unexported={"decided_by": _OTHERS},
        messages=lambda row: iter([(row["channel_id"] or 0, row["message_id"])]),
    ),
    TableData(
        table=tables.gallery_votes,
        of_person=(Delete(is_(tables.gallery_votes, "user_id")), Delete(votes_for_own)),
        of_server=(Delete(votes_in),),
        export=is_(tables.gallery_votes, "user_id"),
        exported=columns("post_id user_id created_at"),
    ),
    TableData(
        table=tables.gallery_posts,
        of_person=(Delete(of_own_jobs(tables.gallery_posts)),),
        of_server=(Delete(is_(tables.gallery_posts, "guild_id")),),
        export=of_own_jobs(tables.gallery_posts),
        exported=columns("id job_id guild_id channel_id message_id file_name created_at"),
        messages=lambda row: iter([(row["channel_id"], row["message_id"])]),
    ),
    TableData(
        table=tables.favourites,
        of_person=(
            Delete(is_(tables.favourites, "user_id")),
            Delete(of_own_jobs(tables.favourites)),
        ),
        export=is_(tables.favourites, "user_id"),
        exported=columns("user_id job_id created_at"),
    ),
    TableData(
        table=tables.edits,
        of_person=(Delete(is_(tables.edits, "user_id")), Delete(of_own_jobs(tables.edits))),
        export=is_(tables.edits, "user_id"),
        exported=columns("job_id steps created_at user_id"),
        unexported={"id": _INTERNAL},
    ),
    TableData(
        table=tables.drafts,
        of_person=(Delete(is_(tables.drafts, "user_id")),),
        export=is_(tables.drafts, "user_id"),
        exported=columns("user_id created_at blob content"),
        unexported={"id": _INTERNAL},
        blobs=blobs_of_draft,
    ),
    TableData(
        table=tables.loras,
        of_person=(Delete(is_(tables.loras, "owner_id")),),
        of_server=(
            Blank(
                is_(tables.loras, "guild_id"),
                {"guild_id": None, "shared": "me"},
                "a LoRA is its owner's, and shared with that server no more",
            ),
        ),
        export=is_(tables.loras, "owner_id"),
        exported=columns(
            "id owner_id guild_id shared name trigger_words strength blob size_bytes facts"
            " created_at adult"
        ),
        unexported={"name_key": _INTERNAL},
        blobs=lambda row: iter([row["blob"]]),
    ),
    TableData(
        table=tables.attachments,
        of_person=(Delete(of_own_jobs(tables.attachments)),),
        export=of_own_jobs(tables.attachments),
        exported=columns("job_id blob filename size_bytes"),
        blobs=lambda row: iter([row["blob"]]),
    ),
    TableData(
        table=tables.jobs,
        of_person=(
            Delete(is_(tables.jobs, "user_id")),
            Blank(
                is_(tables.jobs, "allowed_by"),
                {"allowed_by": ERASED},
                "that a moderator allowed somebody else's GIF stays, without who it was",
            ),
        ),
        of_server=(
            Blank(
                is_(tables.jobs, "guild_id"),
                _FORGETS_PLACE,
                "a GIF is the person's who asked for it, and its place is forgotten",
            ),
        ),
        export=is_(tables.jobs, "user_id"),
        exported=columns(
            "number id state asked_at user_id user_name channel_id guild_id suffix private "
            "parent_id relation locale style ping with_recipe group_id group_place "
            "lora_names request model created_at answer_id started_at finished_at seconds "
            "output size_bytes error failure_kind message_id message_channel_id"
        ),
        unexported={
            "token": _ANSWERS,
            "words": "they are the prompt's, in small letters, to be found by",
            "reason": "error says it",
            "withheld": "what may not be posted isn't sent either",
            "allowed_by": _OTHERS,
            **dict.fromkeys(
                (
                    "attempt",
                    "crashes",
                    "application_id",
                    "upload_limit",
                    "priority",
                    "is_followup",
                    "failure_is_retryable",
                    "owner_notified",
                ),
                _INTERNAL,
            ),
        },
        blobs=lambda row: iter([row["output"], row["withheld"]]),
        messages=messages_of_job,
    ),
    TableData(
        table=tables.preferences,
        of_person=(Delete(is_(tables.preferences, "owner_id", kind=PERSON)),),
        of_server=(Delete(is_(tables.preferences, "owner_id", kind=SERVER)),),
        export=is_(tables.preferences, "owner_id", kind=PERSON),
        exported=columns("kind owner_id content"),
    ),
    TableData(
        table=tables.word_lists,
        of_server=(Delete(is_(tables.word_lists, "guild_id")),),
        nobodys="moderators write it for their server",
    ),
    TableData(
        table=tables.usage,
        of_person=(
            Keep(
                is_(tables.usage, "user_id"),
                f"erasing would otherwise be a way round quotas; it goes after {KEPT_DAYS} days",
            ),
        ),
        of_server=(Keep(is_(tables.usage, "guild_id"), "it is its people's; see of_person"),),
        export=is_(tables.usage, "user_id"),
        exported=columns("user_id day guild_id seconds jobs"),
    ),
    TableData(
        table=tables.shares,
        of_person=(
            Keep(
                is_(tables.shares, "user_id"),
                "erasing would otherwise be a way to the head of the queue; it halves each day, "
                f"and goes after {KEPT_DAYS} days",
            ),
        ),
        export=is_(tables.shares, "user_id"),
        exported=columns("user_id seconds noted_at"),
    ),
    TableData(
        table=tables.daily_usage,
        of_person=(
            Keep(
                is_(tables.daily_usage, "user_id"),
                "erasing would otherwise be a way round quotas; it goes after 24 hours",
            ),
        ),
        export=is_(tables.daily_usage, "user_id"),
        exported=columns("user_id kind amount created_at"),
        unexported={"number": _INTERNAL},
    ),
    TableData(
        table=tables.guilds,
        of_server=(Keep(is_(tables.guilds, "guild_id"), "it goes last, by itself"),),
        nobodys="it says which servers the bot is in",
    ),
    TableData(
        table=tables.erasures,
        of_person=(Keep(is_(tables.erasures, "user_id"), "it goes last, by itself"),),
        export=is_(tables.erasures, "user_id"),
        exported=columns("user_id requested_at"),
        unexported={"rows_are_gone": _INTERNAL},
    ),
    TableData(
        table=tables.erased_messages,
        of_person=(
            Keep(is_(tables.erased_messages, "user_id"), "each goes once its message is gone"),
        ),
        export=is_(tables.erased_messages, "user_id"),
        exported=columns("user_id channel_id message_id"),
    ),
    TableData(
        table=tables.erased_files,
        nobodys="it has hashes alone, and each goes once its file is gone",
    ),
    TableData(table=tables.sent_forms, nobodys="it has random numbers and times alone"),
    TableData(table=tables.costs, nobodys="it has sums over everybody's GIFs, by their kinds"),
    TableData(table=tables.registrations, nobodys="it has a hash of the bot's own commands"),
)

DATA_DIRECTORY: Mapping[str, str] = {
    "hotshot.db": "the tables",
    "hotshot.db-wal": "the newest writes to the tables; emptied at the end of an erasure",
    "hotshot.db-shm": "an index of that log, without content",
    "blobs": "files that rows name: erased once none does",
    "blobs.lock": "nothing: a backup and a removal of files wait for each other by it",
    "scratch": "files in the making: a person's go with their jobs, all others at the next start",
    "lock": "the number of the bot's process",
    "status.json": "how the workers stand, with the ids of jobs at work, rewritten each second",
    "status.part": "status.json while it is written",
    "remote": "keys of GPU hosts",
    ".restore": "a backup that is being put back, and goes with that",
    "erased": "hashes of who had everything erased, by which a restore does it again",
    "erased.part": "erased while it is written",
    "owner": "the socket of `hotshot-bot owner`",
    UPGRADE_COPIES: "a backup from before an upgrade, which goes after privacy.backup_days",
}
"""What lies in the data directory, and what an erasure does with it."""
