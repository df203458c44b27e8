"""What a node's X.509 certificate says, and whether it can be used here and now.

Certificates that this tool makes name whom they are for in a URI of their subject alternative
names: ``decentralml:swarm:<16 hex of the genesis hash>:<swarm>:<account>``. Others need not, and
are then for any swarm; the chain says whose they are.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from decentralml.chain.swarm.words import CERTIFICATE_BYTES, SwarmId
from decentralml.errors import (
    CertificateExpired,
    CertificateForeign,
    CertificateInvalid,
    CertificateNotYetValid,
)
from decentralml.errors.swarm import new_certificate
from decentralml.types import Address

WARN_BEFORE = timedelta(days=14)
"""How long before its end a certificate is warned about."""
_SCHEME = "decentralml:swarm:"
_GENESIS_HEX = 16
_NAME = re.compile(re.escape(_SCHEME) + "([0-9a-f]{1,16}):([0-9]{1,20}):([A-Za-z0-9]{1,64})")
_LEAST_RSA_BITS = 2048
Name = tuple[frozenset[tuple[str, str | bytes]], ...]
"""A distinguished name: what stands at each of its places."""
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One swarm of one chain.

    Attributes
    ----------
    genesis : the chain's genesis hash, hexadecimal.
    """

    genesis: str
    swarm: SwarmId

    def name_of(self, account: Address) -> str:
        """The URI that names an account's node in this swarm."""
        return f"{_SCHEME}{self._chain}:{self.swarm}:{account}"

    @property
    def _chain(self) -> str:
        return self.genesis.removeprefix("0x")[:_GENESIS_HEX].lower()


@dataclass(frozen=True, slots=True)
class Certificate:
    """The facts of a certificate.

    Attributes
    ----------
    der : its bytes.
    digest : their SHA-256, by which the chain knows it.
    names : URIs of swarms and accounts that it is for; none if it names none.
    subject, issuer : whom it is of, and who issued it, so that OpenSSL takes for the same what is
        equal here.
    may_issue : whether nothing in it keeps it from issuing others.
    """

    der: bytes
    digest: bytes
    valid_from: datetime
    valid_until: datetime
    names: tuple[str, ...]
    subject: Name = ()
    issuer: Name = ()
    may_issue: bool = False

    def check_time(self, where: str, now: datetime | None = None) -> None:
        """Whether it is valid now.

        Raises
        ------
        CertificateExpired, CertificateNotYetValid
        """
        now = now or datetime.now(UTC)
        if now < self.valid_from:
            raise CertificateNotYetValid(where, _told(self.valid_from), _told(now))
        if self.is_over(now):
            raise CertificateExpired(where, _told(self.valid_until), _told(now), self.swarm)

    def is_over(self, now: datetime | None = None) -> bool:
        """Whether its time has ended."""
        return (now or datetime.now(UTC)) > self.valid_until

    @property
    def swarm(self) -> str | None:
        """The number of the swarm that it was made for; None if it names none."""
        return self.names[0].split(":")[-2] if self.names else None

    def check_scope(self, where: str, scope: Scope, account: Address) -> None:
        """Whether it may be used for an account's node in a swarm.

        Raises
        ------
        CertificateForeign
        """
        if self.names and scope.name_of(account) not in self.names:
            raise CertificateForeign(where, _spoken(self.names[0]), _spoken(scope.name_of(account)))

    def warning(self, now: datetime | None = None) -> str | None:
        """One line once its end is near."""
        left = self.valid_until - (now or datetime.now(UTC))
        if left > WARN_BEFORE:
            return None
        days = max(left, timedelta()).total_seconds() / 86400
        return (
            f"the certificate expires at {_told(self.valid_until)}, in {days:.1f} days; "
            f"{new_certificate(self.swarm)}, then: decentralml swarm join {self.swarm or 'SWARM'}"
        )


def read_certificate(der: bytes, where: str) -> Certificate:
    """Parse a certificate (DER) and see that a node can use it.

    Parameters
    ----------
    where : what to call it in messages.

    Raises
    ------
    CertificateInvalid
    """
    if len(der) > CERTIFICATE_BYTES:
        raise CertificateInvalid(
            where, f"it has {len(der)} bytes, and the chain takes {CERTIFICATE_BYTES}"
        )
    try:
        parsed = x509.load_der_x509_certificate(der)
        reason = _unfit(parsed)
        names = _names(parsed)
        since, until = parsed.not_valid_before_utc, parsed.not_valid_after_utc
        subject, issuer = _plain(parsed.subject), _plain(parsed.issuer)
        may_issue = _may_issue(parsed)
    except _UNREADABLE as error:
        raise CertificateInvalid(where, f"no sound X.509 certificate ({error})") from None
    if not all(map(_NAME.fullmatch, names)):
        reason = f"a URI of it begins with {_SCHEME} and names no chain, swarm and account"
    if reason is not None:
        raise CertificateInvalid(where, reason)
    digest = hashlib.sha256(der).digest()
    return Certificate(der, digest, since, until, names, subject, issuer, may_issue)


def _unfit(certificate: x509.Certificate) -> str | None:
    """Why TLS 1.3 between nodes cannot use it, in both directions."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _LEAST_RSA_BITS:
            return f"an RSA key of {key.key_size} bits"
    elif not isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return "a key that is neither elliptic (P-256, Ed25519) nor RSA"
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.ExtendedKeyUsage):
            for usage, side in _SIDES:
                if usage not in value and ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE not in value:
                    return f"it may not be used as a TLS {side} (extended key usage)"
        elif isinstance(value, x509.KeyUsage) and not value.digital_signature:
            return "it may not sign (key usage)"
    return None


_SIDES = (
    (ExtendedKeyUsageOID.SERVER_AUTH, "server"),
    (ExtendedKeyUsageOID.CLIENT_AUTH, "client"),
)


def _may_issue(certificate: x509.Certificate) -> bool:
    """Whether OpenSSL may take it for another's issuer: a key usage without that forbids it, and
    nothing else does."""
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.KeyUsage):
            return extension.value.key_cert_sign
    return True


def _plain(name: x509.Name) -> Name:
    """Names are compared without their capitals and the width of their gaps (RFC 5280, 7.1)."""
    return tuple(
        frozenset(
            (
                each.oid.dotted_string,
                " ".join(each.value.split()).casefold()
                if isinstance(each.value, str)
                else each.value,
            )
            for each in part
        )
        for part in name.rdns
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            uris = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
            return tuple(uri for uri in uris if uri.startswith(_SCHEME))
    return ()


def _spoken(name: str) -> str:
    genesis, swarm, account = name.removeprefix(_SCHEME).split(":")
    return f"account {account} in swarm {swarm} of chain {genesis}"


def _told(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")
