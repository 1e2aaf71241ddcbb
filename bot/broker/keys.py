"""nkeys: Ed25519 keys as NATS writes them. Whoever holds the seed is who the public key names."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

import nkeys

PUBLIC_KEY = re.compile(r"U[A-Z2-7]{55}")


class KeyPair(NamedTuple):
    """A seed, which is a secret, and its public key, which isn't."""

    seed: str
    public: str


def make_key() -> KeyPair:
    """Return a new key of a user."""
    seed: bytes = nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER)
    return KeyPair(seed.decode(), public_key(seed.decode()))


def public_key(seed: str) -> str:
    """Return the public key of a seed. Raises ValueError where that is none."""
    try:
        key: bytes = nkeys.from_seed(bytearray(seed.encode())).public_key
    except nkeys.NkeysError as error:
        raise ValueError("no seed of an nkey") from error
    return key.decode()
