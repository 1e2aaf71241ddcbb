"""The configuration of nats-server: who may come, and what each may say and hear.

For the server that the bot starts it is a whole file, and for somebody else's a block to put in.
A client without one of these keys gets nowhere: there is no user without a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bot.broker.registry import HostRecord, bot_id
from bot.core.remote_settings import Address
from generator.contract.subjects import (
    EVERYTHING,
    INBOX,
    MAX_PAYLOAD_BYTES,
    may_publish,
    may_subscribe,
)

MAX_CONNECTIONS = 2000  # who has yet to say a key counts as well
_HANDSHAKE_SECONDS = 5  # for TLS, and then for the key

# A host answers what it was asked, once, and within this time.
_ANSWERS = '{max: 1, expires: "1m"}'


def server_config(
    listen: Address,
    hosts: Mapping[str, HostRecord],
    *,
    bot_key: str,
    certificate: Path,
    certificate_key: Path,
) -> str:
    """Return the whole configuration; ``bot_key`` is the public one."""
    return f"""\
# Written by hotshot-bot whenever it starts and when hosts are added or removed: changes get lost.
server_name: {_quoted(f"hotshot-{bot_id(bot_key)}")}
listen: {_quoted(str(listen))}
logtime: false
max_connections: {MAX_CONNECTIONS}
max_payload: {MAX_PAYLOAD_BYTES}
max_control_line: 4096
max_subscriptions: 1000
ping_interval: "5s"
ping_max: 2
write_deadline: "10s"
tls {{
  cert_file: {_quoted(str(certificate))}
  key_file: {_quoted(str(certificate_key))}
  timeout: {_HANDSHAKE_SECONDS}
}}
authorization {{
  timeout: {_HANDSHAKE_SECONDS}
  users: {_users(bot_key, hosts, indent="  ")}
}}
"""


def accounts_block(hosts: Mapping[str, HostRecord], *, bot_key: str) -> str:
    """Return what goes into the configuration of a server that isn't the bot's.

    An account of its own keeps the bot apart from everybody else's subjects there.
    """
    return f"""\
accounts {{
  HOTSHOT_{bot_id(bot_key)} {{
    users: {_users(bot_key, hosts, indent="    ")}
  }}
}}
"""


def _users(bot_key: str, hosts: Mapping[str, HostRecord], *, indent: str) -> str:
    everything = (EVERYTHING, f"{INBOX}.>")
    users = [_user(bot_key, "the bot", everything, everything, answers=False)]
    users += [
        _user(record.public_key, name, may_publish(name), may_subscribe(name), answers=True)
        for name, record in sorted(hosts.items())
    ]
    lines = "".join(f"{indent}  {line}\n" for user in users for line in user)
    return f"[\n{lines}{indent}]"


def _user(
    key: str, name: str, publish: Sequence[str], subscribe: Sequence[str], *, answers: bool
) -> list[str]:
    allowed = f", allow_responses: {_ANSWERS}" if answers else ""
    return [
        f"{{ # {name}",
        f"  nkey: {key}",
        "  permissions: {",
        f"    publish: {{allow: {_list(publish)}}}, subscribe: {{allow: {_list(subscribe)}}}"
        f"{allowed}",
        "  }",
        "}",
    ]


def _list(subjects: Iterable[str]) -> str:
    return f"[{', '.join(map(_quoted, subjects))}]"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
