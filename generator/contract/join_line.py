"""The line that ``hotshot-bot host add`` prints and ``hotshot worker --join`` takes.

``hs1:``, a compact JSON object in base64url, and six characters by which a line is known to be
whole: one word that survives mails, chats and shells. It holds a secret key, so no sentence here
repeats any of it. Standard library only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from generator.contract.errors import HotshotError
from generator.contract.json_text import JsonError, parse_json
from generator.contract.subjects import HostNameError, check_host_name

PREFIX = "hs1:"
_SUM_CHARACTERS = 6
_MOST_CHARACTERS = 20_000
_ANY_PREFIX = re.compile(r"(?<!\w)hs\d{1,4}:")
_URL = re.compile(r"(tls|nats)://[^\s/@]{1,300}:\d{1,5}")
_SEED = re.compile(r"SU[A-Z2-7]{56}")
_CA = re.compile(r"[A-Za-z0-9+/=,]*")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_AGAIN = "copy it again from where `hotshot-bot host add` printed it"


class JoinLineError(HotshotError):
    """A text is no join line, or not all of one; says what it seems to be, and what to do."""

    is_translated = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinLine:
    """How one GPU host reaches its bot.

    ``url`` is the server's address, ``tls://bot.example.com:4222``, and ``host`` the name that the
    bot knows this host by. ``seed`` is the seed of the host's nkey. ``ca`` is the certificate, in
    PEM, of who signs the server's (empty: those that the system trusts). ``bot`` tells one bot
    from another, and ``created`` is when the line was made, in seconds since 1970.
    """

    url: str
    host: str
    seed: str = field(repr=False)
    ca: str = field(default="", repr=False)
    bot: str = ""
    created: int = 0

    def __str__(self) -> str:
        """Return the line without its secret, for logs."""
        return f"{self.host} at {self.url}"

    def to_text(self) -> str:
        """Return the line that ``parse`` reads."""
        values = asdict(self) | {"ca": _pem_to_base64(self.ca)}
        return f"{PREFIX}{_signed(json.dumps(values, separators=(',', ':')).encode())}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what a line says. Raises JoinLineError.

        Line breaks, which wrapped lines are copied with, do no harm, nor does a command or a
        quotation mark around the line.
        """
        values = _read_json(_payload(text))
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in values.items() if name in known}
        try:
            line = cls(**given)
            _check(line)
        except (TypeError, ValueError, HostNameError) as error:
            raise JoinLineError(
                "The join line is whole, but of another version of Hotshot than this one; install "
                "the same version on both machines, and add the host again."
            ) from error
        return cls(**given | {"ca": _pem_from_base64(line.ca)})


def _signed(payload: bytes) -> str:
    encoded = base64.urlsafe_b64encode(payload).decode().rstrip("=")
    return f"{encoded}{_sum(encoded)}"


def _sum(encoded: str) -> str:
    digest = hashlib.sha256(encoded.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()[:_SUM_CHARACTERS]


def _payload(text: str) -> bytes:
    """Return the JSON within a line whose sum is right. Raises JoinLineError."""
    found = _ANY_PREFIX.search(text)
    if found is None:
        raise JoinLineError(_describe_other(text))
    if found[0] != PREFIX:
        raise JoinLineError(
            f"The join line is of another version of Hotshot (it begins with {found[0]}, and this "
            f"version reads {PREFIX}); install the bot's version here, and add the host again."
        )
    encoded = _whole(text[found.end() : found.end() + _MOST_CHARACTERS].split())
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error as error:
        raise JoinLineError(f"The join line is damaged; {_AGAIN}.") from error


def _whole(pieces: list[str]) -> str:
    """Return as many pieces, joined, as make up a line, without its sum. Raises JoinLineError."""
    joined = ""
    for piece in pieces:
        joined += piece.strip("\"'`")
        encoded, given = joined[:-_SUM_CHARACTERS], joined[-_SUM_CHARACTERS:]
        if encoded and _sum(encoded) == given:
            return encoded
    raise JoinLineError(f"The join line was cut or changed when it was copied; {_AGAIN}.")


def _describe_other(text: str) -> str:
    if not text.strip():
        return f"The join line is empty; {_AGAIN}."
    if _SEED.search(text):
        return f"That is only a key, not a join line (which begins with hs1:); {_AGAIN}."
    return f"That isn't a join line (which begins with hs1:); {_AGAIN}."


def _read_json(payload: bytes) -> dict[str, Any]:
    try:
        values = parse_json(payload)
    except JsonError as error:
        raise JoinLineError(f"The join line is damaged; {_AGAIN}.") from error
    return values if isinstance(values, dict) else {}


def _check(line: JoinLine) -> None:
    """Raise ValueError, or HostNameError, for values that no version 1 writes."""
    texts = (line.url, line.host, line.seed, line.ca, line.bot)
    if not all(isinstance(each, str) for each in texts) or type(line.created) is not int:
        raise ValueError("a value of another type")
    check_host_name(line.host)
    if not (_URL.fullmatch(line.url) and _SEED.fullmatch(line.seed) and _CA.fullmatch(line.ca)):
        raise ValueError("no address, no key or no certificate")


def _pem_to_base64(pem: str) -> str:
    """Return certificates without what is the same in all of them, separated by commas."""
    return ",".join("".join(body.split()) for body in _PEM.findall(pem))


def _pem_from_base64(text: str) -> str:
    return "".join(
        f"-----BEGIN CERTIFICATE-----\n{_wrapped(body)}\n-----END CERTIFICATE-----\n"
        for body in text.split(",")
        if body
    )


def _wrapped(body: str) -> str:
    return "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
