"""The authority of the bot's own and the server's certificate, as a host's clock may see them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from bot.broker import certificates
from bot.broker.certificates import ensure_authority, ensure_server_certificate, server_files
from bot.broker.errors import BrokerError

NAMES = ["bot.example.com", "192.0.2.7", "2001:db8::7"]
YEAR = timedelta(days=365)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    assert ensure_server_certificate(tmp_path, NAMES)
    return tmp_path


def read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


@pytest.mark.parametrize(
    "off", [timedelta(), -timedelta(hours=1), timedelta(hours=1), -YEAR * 5, YEAR * 3]
)
def test_a_wrong_clock_keeps_no_host_out(place: Path, off: timedelta) -> None:
    store = Store([x509.load_pem_x509_certificate(ensure_authority(place).encode())])
    verifier = PolicyBuilder().store(store).time(datetime.now(UTC) + off)
    name = x509.DNSName(NAMES[0])
    verifier.build_server_verifier(name).verify(read(server_files(place)[0]), [])


def test_the_files_serve_and_belong_together(place: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*server_files(place))
    for file in place.iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_it_is_made_once_and_anew_for_another_address_by_the_same_authority(place: Path) -> None:
    authority, first = ensure_authority(place), server_files(place)[0].read_bytes()
    assert not ensure_server_certificate(place, NAMES)
    assert server_files(place)[0].read_bytes() == first
    assert ensure_server_certificate(place, [*NAMES, "gpu.example.com"])
    names = read(server_files(place)[0]).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert "gpu.example.com" in names.value.get_values_for_type(x509.DNSName)
    assert ensure_authority(place) == authority


def test_it_is_renewed_a_year_before_its_end(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = ensure_authority(place)
    now = datetime.now(UTC)
    monkeypatch.setattr(certificates, "_now", lambda: now + 3.9 * YEAR)
    assert not ensure_server_certificate(place, NAMES)
    monkeypatch.setattr(certificates, "_now", lambda: now + 4.1 * YEAR)
    assert ensure_server_certificate(place, NAMES)
    assert read(server_files(place)[0]).not_valid_after_utc > now + 9 * YEAR
    assert ensure_authority(place) == authority


@pytest.mark.parametrize("lost", ["ca.key", "ca.pem"])
def test_half_an_authority_is_said_and_not_replaced(place: Path, lost: str) -> None:
    (place / lost).unlink()
    with pytest.raises(BrokerError, match="add every host again"):
        ensure_authority(place)
    assert not (place / lost).exists()
