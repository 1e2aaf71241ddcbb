"""The authority of the bot's own, and the certificate that it signs for the server.

A join line carries the authority's certificate, which a GPU host trusts and no other. Both are
valid from long ago, so a host whose clock is wrong gets in all the same; the server's certificate
is made anew long before its end, and when it is to be for another address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bot.broker.errors import BrokerError
from bot.broker.private_files import read_private, write_private

_VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_AUTHORITY_LASTS = timedelta(days=365 * 40)
_SERVER_LASTS = timedelta(days=365 * 5)
_RENEWED_BEFORE = timedelta(days=365)
_AUTHORITY, _SERVER = "ca", "server"  # names of files, .pem and .key


class _Signed(NamedTuple):
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure_authority(directory: Path) -> str:
    """Return the certificate of the bot's authority, in PEM, made on first use.

    Raises BrokerError.
    """
    return _pem(_authority(directory).certificate).decode()


def ensure_server_certificate(directory: Path, names: Sequence[str]) -> bool:
    """Have a certificate of the server for these names and addresses in ``directory``.

    Returns whether it is a new one. Raises BrokerError.
    """
    authority = _authority(directory)
    wanted = x509.SubjectAlternativeName([_general_name(name) for name in dict.fromkeys(names)])
    present = _read(directory, _SERVER)
    if present is not None and _is_fit(present.certificate, authority, wanted):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("Hotshot server", key, _now() + _SERVER_LASTS)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    certificate = (
        builder.issuer_name(authority.certificate.subject)
        .add_extension(wanted, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(signer, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    _write(directory, _SERVER, _Signed(certificate, key))
    return True


def server_files(directory: Path) -> tuple[Path, Path]:
    """Return where the server's certificate and its key are."""
    return directory / f"{_SERVER}.pem", directory / f"{_SERVER}.key"


def _authority(directory: Path) -> _Signed:
    present = _read(directory, _AUTHORITY)
    if present is not None:
        return present
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder("Hotshot bot", key, _now() + _AUTHORITY_LASTS)
    certificate = (
        builder.issuer_name(_name("Hotshot bot"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = _Signed(certificate, key)
    _write(directory, _AUTHORITY, made)
    return made


def _builder(
    name: str, key: ec.EllipticCurvePrivateKey, until: datetime
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(until)
        .add_extension(identifier, critical=False)
    )


def _is_fit(
    certificate: x509.Certificate, authority: _Signed, wanted: x509.SubjectAlternativeName
) -> bool:
    """Return whether a certificate is for these names, of this authority, and lasts for long."""
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except Exception:  # noqa: BLE001 - one that can't be checked is made anew
        return False
    lasts = certificate.not_valid_after_utc - _now()
    return found.value == wanted and lasts > _RENEWED_BEFORE


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _now() -> datetime:
    return datetime.now(UTC)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _read(directory: Path, name: str) -> _Signed | None:
    """Return a certificate and its key; None where neither is there. Raises BrokerError."""
    pem = read_private(directory / f"{name}.pem")
    key = read_private(directory / f"{name}.key")
    if pem is None and key is None:
        return None
    try:
        private = serialization.load_pem_private_key(key or b"", password=None)
        certificate = x509.load_pem_x509_certificate(pem or b"")
    except ValueError as error:
        raise _damaged(directory, name) from error
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise _damaged(directory, name)
    if private.public_key() != certificate.public_key():
        raise _damaged(directory, name)
    return _Signed(certificate, private)


def _write(directory: Path, name: str, signed: _Signed) -> None:
    key = signed.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(directory / f"{name}.key", key)
    write_private(directory / f"{name}.pem", _pem(signed.certificate))


def _damaged(directory: Path, name: str) -> BrokerError:
    again = "; then add every host again" if name == _AUTHORITY else ""
    return BrokerError(
        f"{directory / name}.pem and {name}.key don't belong together or are damaged; put them "
        f"back from a copy, or remove both so that new ones are made{again}."
    )
