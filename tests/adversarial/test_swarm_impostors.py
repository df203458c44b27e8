"""Members whose certificates name what they are not: the others' authority, or nothing known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from swarm_files_support import SCOPE, Peer, Register, write_file

from decentralml.errors import CertificateInvalid
from decentralml.swarm.identity.certificate import read_certificate
from decentralml.swarm.identity.members import Member
from decentralml.swarm.identity.own import Identity, store_identity
from decentralml.types import Address

Key = ec.EllipticCurvePrivateKey
SIGNS_ONLY = x509.KeyUsage(True, *[False] * 8)
AUTHORITY, FAKE = "Hospital Authority", " hospital   AUTHORITY "
"""One name, as certificates compare names."""


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def issued(
    subject: str,
    key: Key,
    issuer: str,
    signer: Key,
    usage: x509.KeyUsage | None = None,
    uris: Sequence[str] = (),
) -> x509.Certificate:
    subject_name, issuer_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)
    )
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject_name)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(usage is None, None), critical=True)
    )
    if usage is not None:
        builder = builder.add_extension(usage, critical=True)
    if uris:
        named = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(u) for u in uris])
        builder = builder.add_extension(named, critical=False)
    return builder.sign(signer, hashes.SHA256())


def stored(folder: Path, certificate: x509.Certificate, key: Key) -> Identity:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return store_identity(folder, certificate.public_bytes(pem), private)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    register = Register(tmp_path)
    yield register
    register.close()


def of_the_authority(register: Register, name: str, authority: Key) -> Peer:
    """A node whose certificate the users' own authority has issued."""
    peer, key = register.join(name), new_key()
    certificate = issued(name, key, AUTHORITY, authority, SIGNS_ONLY)
    peer.identity = stored(register.folder / name / "own", certificate, key)
    peer.server.use(peer.identity)
    return peer


def as_der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("issuer", [FAKE, "somebody else"])
def test_who_takes_the_authoritys_name_does_not_keep_out_whom_that_has_issued(
    register: Register, issuer: str
) -> None:
    authority, mallory = new_key(), new_key()
    alice, bob = (of_the_authority(register, name, authority) for name in ("alice", "bob"))
    fake = issued(FAKE, mallory, issuer, mallory)
    register.others.append(Member(Address("5mallory"), as_der(fake)))
    register.renew()
    cid = bob.shelf.put(write_file(register.folder / "file", 10_000))
    assert alice.fetch(cid, bob).is_file()
    assert "it may issue others" in alice.members.refused[Address("5mallory")]
    assert list(alice.members.refused) == ["5mallory"]


def test_who_names_a_member_as_its_issuer_does_not_keep_that_one_out(register: Register) -> None:
    """Certificates that this tool makes can issue none, so that nobody can claim it of them."""
    alice, bob = register.join("alice"), register.join("bob")
    mallory = new_key()
    claims = issued("mallory", mallory, bob.account, mallory, SIGNS_ONLY)
    register.others.append(Member(Address("5mallory"), as_der(claims)))
    register.renew()
    cid = bob.shelf.put(write_file(register.folder / "file", 10_000))
    assert alice.fetch(cid, bob).is_file()
    assert alice.members.refused == {}


@pytest.mark.parametrize(
    "odd",
    ["", "x", "ab:7", "ab:7:5a:b", "ab:seven:5a", "\x1b[2J:7:5a", "ab:7:5a\n", "ab:7:" + "5" * 900],
)
def test_a_name_that_is_none_of_ours_is_refused_and_not_shown(odd: str) -> None:
    """Also beside one that is right: whatever is told of a certificate is taken from the first."""
    key, right = new_key(), SCOPE.name_of(Address("5mallory"))
    odd = "decentralml:swarm:" + odd
    read_certificate(as_der(issued("it", key, "it", key, SIGNS_ONLY, ["spiffe://it", right])), "it")
    for uris in ([odd], [odd, right], [right, odd]):
        with pytest.raises(CertificateInvalid, match="names no chain, swarm and account") as told:
            read_certificate(as_der(issued("it", key, "it", key, SIGNS_ONLY, uris)), "it")
        assert str(told.value).isprintable()
