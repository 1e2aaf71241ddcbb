"""A real nats-server of a test's own: TLS, a key for the bot and one for each host."""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import nkeys
from aiohttp.test_utils import unused_port
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from nats.aio.client import Client

from generator.contract import subjects
from generator.contract.join_line import JoinLine
from generator.link.client import ServerAccess, connect
from tests.patience import wait_until
from tests.programs import need_program


class NatsServer:
    """Started and stopped at will, always on the same port; ``address`` is where it listens."""

    def __init__(self, directory: Path, hosts: tuple[str, ...], address: str = "127.0.0.1") -> None:
        self._program = need_program("nats-server")
        self._directory = directory / "nats"
        self._directory.mkdir(parents=True)
        self._address = address
        self.port = unused_port()
        self.seeds = {name: new_seed() for name in ("bot", *hosts)}
        self.ca = _make_certificate(self._directory, address)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        config = self._directory / "nats.conf"
        config.write_text(self._config(), encoding="utf-8")
        log = (self._directory / "log").open("ab")
        self.process = subprocess.Popen(
            [self._program, "-c", config], stdout=log, stderr=subprocess.STDOUT
        )
        log.close()
        wait_until(self._answers)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def access(self, name: str) -> ServerAccess:
        url = f"tls://{self._address}:{self.port}"
        return ServerAccess(url=url, seed=self.seeds[name], ca=self.ca)

    def connecting(self, name: str) -> Callable[[Callable[[], Awaitable[None]]], Awaitable[Client]]:
        """Return what connects as the bot, or as a host."""
        inbox = subjects.INBOX if name == "bot" else subjects.inbox_prefix(name)

        async def join(on_closed: Callable[[], Awaitable[None]]) -> Client:
            access = self.access(name)
            return await connect(access, name=name, inbox_prefix=inbox, on_closed=on_closed)

        return join

    def join_line(self, host: str, *, port: int = 0) -> str:
        """Return a host's line, by another port where something is between."""
        access = self.access(host)
        url = f"tls://{self._address}:{port or self.port}"
        line = JoinLine(url=url, host=host, seed=access.seed, ca=access.ca, bot="test")
        return line.to_text()

    def _answers(self) -> bool:
        with socket.socket() as trying:
            return trying.connect_ex((self._address, self.port)) == 0

    def _config(self) -> str:
        users = []
        for name, seed in self.seeds.items():
            allowed = {"publish": [">"], "subscribe": [">"]}
            if name != "bot":
                allowed = {
                    "publish": list(subjects.may_publish(name)),
                    "subscribe": list(subjects.may_subscribe(name)),
                }
            users.append({"nkey": public_key(seed), "permissions": allowed})
        return f"""
            host: "{self._address}", port: {self.port}, max_payload: 4MB
            tls {{ cert_file: "{self._directory}/cert.pem", key_file: "{self._directory}/key.pem" }}
            authorization {{ users: {json.dumps(users)} }}
            """


def new_seed() -> str:
    return str(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER), "ascii")


def public_key(seed: str) -> str:
    return str(nkeys.from_seed(bytearray(seed.encode())).public_key, "ascii")


def _make_certificate(directory: Path, address: str) -> str:
    """Write a self-signed certificate of this address and its key; return the former, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(time.time_ns())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (directory / "cert.pem").write_bytes(pem)
    (directory / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem.decode()
