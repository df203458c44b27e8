"""A node's own certificate and key: made, loaded, rotated.

Those made here lie in a folder of identities, each in a folder of its own, so that a new one
stands beside the old one until the chain knows it::

    <folder>/<16 hex of the certificate's SHA-256>/certificate.pem
                                                  /key.pem           (mode 0600)
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from decentralml.chain.swarm.words import SwarmId
from decentralml.errors import (
    CertificateError,
    CertificateInvalid,
    CertificateKeyMismatch,
    IdentityMissing,
    KeyFileOpen,
    PathNotFound,
)
from decentralml.storage.staging import disk_errors, staged_folder
from decentralml.swarm.identity.certificate import Certificate, Scope, read_certificate
from decentralml.types import Address

DAYS = 365
CLOCK_SKEW = timedelta(minutes=5)
"""A new certificate is valid from so long ago: peers' clocks may be behind."""
_CERTIFICATE, _KEY = "certificate.pem", "key.pem"
_COMMON_NAME_CHARACTERS = 64
_LONGEST_PEM = 1 << 20


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate whose key this node has.

    Attributes
    ----------
    key : file with the private key (PEM).
    chain : file with the certificate and those that issued it (PEM).
    """

    facts: Certificate
    key: Path
    chain: Path

    @property
    def certificate(self) -> bytes:
        """The certificate (DER), as the chain stores it."""
        return self.facts.der

    @property
    def digest(self) -> bytes:
        """SHA-256 of the certificate, by which the chain knows it."""
        return self.facts.digest


def make_identity(
    folder: Path, *, genesis: str, swarm: SwarmId, account: Address, days: int = DAYS
) -> Identity:
    """Make a P-256 key and a certificate that it signs itself, beside those in the folder.

    Raises
    ------
    StoreUnwritable
    """
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC).replace(microsecond=0)
    certificate = _certificate(
        key, Scope(genesis, swarm), account, now - CLOCK_SKEW, now + timedelta(days=days)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return store_identity(folder, certificate.public_bytes(serialization.Encoding.PEM), private)


def store_identity(folder: Path, chain: bytes, key: bytes) -> Identity:
    """Put a certificate with those that issued it and its key (PEM) into a folder of identities.

    Raises
    ------
    CertificateError, StoreUnwritable
    """
    facts = _pair(chain, key, "the certificate", "the key")
    place = folder / facts.digest.hex()[:16]
    if not place.exists():
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with staged_folder(place) as stage:
            stage.chmod(0o700)
            (stage / _KEY).touch(0o600)
            (stage / _KEY).write_bytes(key)
            (stage / _CERTIFICATE).write_bytes(chain)
    # The newest is what was put here last, whatever its dates say; the system's stamps are coarse.
    os.utime(place, ns=(time.time_ns(),) * 2)
    return open_identity(place / _CERTIFICATE, place / _KEY)


def open_identity(chain: Path, key: Path) -> Identity:
    """A certificate and key that the user names, or any other.

    Whether it is valid now, and here, is asked with :meth:`Certificate.check_time` and
    :meth:`Certificate.check_scope`.

    Parameters
    ----------
    chain : PEM, the node's certificate first, then those that issued it, if any.
    key : PEM, without a passphrase; nobody else may read it.

    Raises
    ------
    PathNotFound, CertificateInvalid, CertificateKeyMismatch, KeyFileOpen
    """
    facts = _pair(_read(chain), _read(key), f"the certificate {chain}", f"the key {key}")
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o077:
        raise KeyFileOpen(str(key), mode)
    return Identity(facts, key, chain)


def identities(folder: Path) -> list[Identity]:
    """All in a folder of identities, the one that was put there last first; damaged ones are an
    error.

    Raises
    ------
    CertificateError
    """
    if not folder.is_dir():
        return []
    places = [place for place in folder.iterdir() if (place / _CERTIFICATE).exists()]
    places.sort(key=lambda place: place.stat().st_mtime_ns, reverse=True)
    return [open_identity(place / _CERTIFICATE, place / _KEY) for place in places]


def load_identity(folder: Path, registered: bytes | None = None) -> Identity:
    """The one to present: that which the chain knows, if it is here and valid, else the newest.

    Parameters
    ----------
    registered : digest of the certificate that the chain has of this node.

    Raises
    ------
    IdentityMissing, CertificateError : there is none, or the newest is unusable.
    """
    found = identities(folder)
    if not found:
        raise IdentityMissing(str(folder))
    for identity in found:
        if identity.digest == registered and _is_valid(identity.facts):
            return identity
    found[0].facts.check_time(f"the certificate {found[0].chain}")
    return found[0]


def forget_others(folder: Path, kept: Identity) -> None:
    """Remove all identities of a folder but one, once the chain knows it."""
    for identity in identities(folder):
        if identity.digest != kept.digest:
            shutil.rmtree(identity.chain.parent, ignore_errors=True)


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    scope: Scope,
    account: Address,
    since: datetime,
    until: datetime,
) -> x509.Certificate:
    public = key.public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, account[:_COMMON_NAME_CHARACTERS])])
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    signing_only = x509.KeyUsage(True, *[False] * 8)
    uri = x509.UniformResourceIdentifier(scope.name_of(account))
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(signing_only, critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _pair(chain: bytes, key: bytes, certificate_name: str, key_name: str) -> Certificate:
    """The facts of a chain's first certificate, whose key this must be.

    Raises
    ------
    CertificateInvalid, CertificateKeyMismatch
    """
    try:
        first = x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        raise CertificateInvalid(certificate_name, "no certificate in PEM") from None
    facts = read_certificate(first.public_bytes(serialization.Encoding.DER), certificate_name)
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError:
        raise CertificateInvalid(key_name, "it needs a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateInvalid(key_name, "no private key in PEM") from None
    if _public(private.public_key()) != _public(first.public_key()):
        raise CertificateKeyMismatch(certificate_name, key_name)
    return facts


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST_PEM)
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise PathNotFound(str(path)) from None
        raise CertificateInvalid(str(path), f"it cannot be read ({error.strerror})") from None


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _is_valid(facts: Certificate) -> bool:
    try:
        facts.check_time("")
    except CertificateError:
        return False
    return True
