"""A node's own certificate and key."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from swarm_files_support import GENESIS, SCOPE, SWARM, new_identity

from decentralml.chain.swarm.words import CERTIFICATE_BYTES, SwarmId
from decentralml.errors import (
    CertificateExpired,
    CertificateForeign,
    CertificateInvalid,
    CertificateKeyMismatch,
    CertificateNotYetValid,
    IdentityMissing,
    KeyFileOpen,
    PathNotFound,
)
from decentralml.swarm.identity.certificate import read_certificate
from decentralml.swarm.identity.own import (
    Identity,
    forget_others,
    identities,
    load_identity,
    make_identity,
    open_identity,
    store_identity,
)
from decentralml.types import Address

ALICE = Address("5alice")


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return new_identity(tmp_path / "identity", ALICE)


def openssl(*arguments: str | Path) -> str:
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_new_identity_names_its_swarm_and_account(identity: Identity) -> None:
    assert identity.facts.names == (f"decentralml:swarm:{'ab' * 8}:7:5alice",)
    identity.facts.check_scope("it", SCOPE, ALICE)
    identity.facts.check_time("it")


def test_a_new_identity_is_a_p256_certificate_for_both_sides_of_tls(identity: Identity) -> None:
    parsed = x509.load_der_x509_certificate(identity.certificate)
    key = parsed.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    usage = parsed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert len(identity.certificate) <= CERTIFICATE_BYTES
    assert identity.digest == read_certificate(identity.certificate, "it").digest


def test_only_the_owner_may_read_a_new_key(identity: Identity) -> None:
    assert identity.key.stat().st_mode & 0o777 == 0o600
    assert identity.key.parent.stat().st_mode & 0o777 == 0o700


def test_openssl_finds_a_new_certificate_sound_even_strictly(identity: Identity) -> None:
    shown = openssl("verify", "-x509_strict", "-partial_chain", "-trusted", *[identity.chain] * 2)
    assert shown.strip().endswith("OK")


def test_a_rotated_identity_stands_beside_the_old_one_until_the_chain_knows_it(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "identity"
    old = new_identity(folder, ALICE)
    new = new_identity(folder, ALICE)
    assert [each.digest for each in identities(folder)] == [new.digest, old.digest]
    assert load_identity(folder, registered=old.digest).digest == old.digest
    assert load_identity(folder, registered=new.digest).digest == new.digest
    assert load_identity(folder).digest == new.digest
    forget_others(folder, new)
    assert [each.digest for each in identities(folder)] == [new.digest]


def test_a_registered_but_expired_identity_gives_way_to_the_newest(tmp_path: Path) -> None:
    old = new_identity(tmp_path, ALICE, days=0)
    new = new_identity(tmp_path, ALICE)
    assert old.facts.valid_until <= datetime.now(UTC)
    assert load_identity(tmp_path, registered=old.digest).digest == new.digest


def test_the_newest_identity_is_the_one_that_was_put_there_last(tmp_path: Path) -> None:
    users = new_identity(tmp_path / "users", ALICE, days=900)
    folder = tmp_path / "identity"
    made = new_identity(folder, ALICE)
    store_identity(folder, users.chain.read_bytes(), users.key.read_bytes())
    assert load_identity(folder).digest == users.digest
    store_identity(folder, made.chain.read_bytes(), made.key.read_bytes())  # back again
    assert load_identity(folder).digest == made.digest


def test_half_an_identity_of_a_killed_process_is_not_seen(tmp_path: Path) -> None:
    whole = new_identity(tmp_path, ALICE)
    (tmp_path / ".0123456789abcdef.x.part" / "folder").mkdir(parents=True)
    assert [each.digest for each in identities(tmp_path)] == [whole.digest]


def test_without_an_identity_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(IdentityMissing, match="run: decentralml swarm identity"):
        load_identity(tmp_path / "none")


def test_an_expired_identity_says_since_when(tmp_path: Path) -> None:
    new_identity(tmp_path, ALICE, days=0)
    with pytest.raises(CertificateExpired, match=r"expired at 20.*\(this machine's clock says 20"):
        load_identity(tmp_path)
    with pytest.raises(
        CertificateExpired, match=r"decentralml swarm identity 7 --rotate; the node"
    ):
        load_identity(tmp_path)


def test_the_end_of_a_certificate_that_names_no_swarm_says_how_another_is_given(
    identity: Identity,
) -> None:
    users = replace(identity.facts, names=(), valid_until=datetime.now(UTC))
    with pytest.raises(CertificateExpired, match=r"identity SWARM --certificate FILE --key-file"):
        users.check_time("it")


def test_an_identity_of_the_future_says_both_times(identity: Identity) -> None:
    past = identity.facts.valid_from - timedelta(hours=1)
    with pytest.raises(CertificateNotYetValid) as caught:
        identity.facts.check_time("it", past)
    for moment in (past, identity.facts.valid_from):
        assert moment.strftime("%Y-%m-%d %H:%M:%SZ") in str(caught.value)
    assert "set the clock right" in str(caught.value)


def test_a_new_identity_is_valid_on_machines_whose_clocks_are_minutes_behind(
    identity: Identity,
) -> None:
    identity.facts.check_time("it", datetime.now(UTC) - timedelta(minutes=4))


def test_the_end_is_warned_of_fourteen_days_before(identity: Identity) -> None:
    end = identity.facts.valid_until
    assert identity.facts.warning(end - timedelta(days=14, minutes=1)) is None
    warned = identity.facts.warning(end - timedelta(days=13))
    assert warned is not None and "in 13.0 days; make a new one" in warned


@pytest.mark.parametrize(
    ("genesis", "swarm", "account"),
    [(GENESIS, 8, ALICE), ("0x" + "cd" * 32, SWARM, ALICE), (GENESIS, SWARM, "5bob")],
    ids=["swarm", "chain", "account"],
)
def test_a_certificate_of_another_is_refused_by_name(
    tmp_path: Path, genesis: str, swarm: int, account: str
) -> None:
    other = make_identity(tmp_path, genesis=genesis, swarm=SwarmId(swarm), account=Address(account))
    with pytest.raises(CertificateForeign) as caught:
        other.facts.check_scope("the certificate", SCOPE, ALICE)
    named = genesis.removeprefix("0x")[:16]
    assert f"is for account {account} in swarm {swarm} of chain {named}" in str(caught.value)
    assert f"this is account 5alice in swarm 7 of chain {'ab' * 8}" in str(caught.value)


def test_the_key_must_be_the_certificates(tmp_path: Path) -> None:
    one, other = new_identity(tmp_path / "1", ALICE), new_identity(tmp_path / "2", ALICE)
    with pytest.raises(CertificateKeyMismatch, match="does not belong to the certificate"):
        open_identity(one.chain, other.key)


def test_a_pair_that_does_not_belong_together_is_not_stored(tmp_path: Path) -> None:
    one, other = new_identity(tmp_path / "1", ALICE), new_identity(tmp_path / "2", ALICE)
    folder = tmp_path / "identities"
    with pytest.raises(CertificateKeyMismatch):
        store_identity(folder, one.chain.read_bytes(), other.key.read_bytes())
    assert identities(folder) == []
    stored = store_identity(folder, one.chain.read_bytes(), one.key.read_bytes())
    assert [each.digest for each in identities(folder)] == [stored.digest] == [one.digest]
    assert store_identity(folder, one.chain.read_bytes(), one.key.read_bytes()) == stored


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_is_refused_with_the_remedy(
    identity: Identity, mode: int
) -> None:
    identity.key.chmod(mode)
    with pytest.raises(KeyFileOpen, match=f"mode {mode:04o}.*run: chmod 600 "):
        open_identity(identity.chain, identity.key)


def test_a_key_with_a_passphrase_is_refused_without_asking(
    tmp_path: Path, identity: Identity
) -> None:
    key = serialization.load_pem_private_key(identity.key.read_bytes(), None)
    identity.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(CertificateInvalid, match="it needs a passphrase"):
        open_identity(identity.chain, identity.key)


def test_files_that_are_no_pem_are_refused_by_name(identity: Identity) -> None:
    junk = identity.chain.parent / "junk"
    junk.write_text("hello")
    junk.chmod(0o600)
    with pytest.raises(CertificateInvalid, match="junk is refused: no certificate in PEM"):
        open_identity(junk, identity.key)
    with pytest.raises(CertificateInvalid, match="junk is refused: no private key in PEM"):
        open_identity(identity.chain, junk)
    with pytest.raises(PathNotFound):
        open_identity(identity.chain.parent / "absent", identity.key)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_of_the_users_own_authority_is_taken_with_its_chain(tmp_path: Path) -> None:
    ca_key, ca, key, request, leaf = (
        tmp_path / name for name in ("ca.key", "ca.pem", "key.pem", "request", "leaf.pem")
    )
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-subj", "/CN=Hospital")
    openssl("req", "-new", *curve, "-keyout", key, "-out", request, "-subj", "/CN=node")
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-out", leaf, "-days", "9")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(leaf.read_bytes() + ca.read_bytes())
    key.chmod(0o600)
    found = open_identity(chain, key)
    assert found.certificate == x509.load_pem_x509_certificate(leaf.read_bytes()).public_bytes(
        serialization.Encoding.DER
    )
    assert found.facts.names == ()
    found.facts.check_scope("it", SCOPE, ALICE)  # it names none: the chain says whose it is


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("rsa:1024",), "an RSA key of 1024 bits"),
        (
            ("rsa:2048", "-addext", "extendedKeyUsage=serverAuth"),
            "it may not be used as a TLS client",
        ),
        (("rsa:2048", "-addext", "keyUsage=keyEncipherment"), "it may not sign"),
        (
            ("rsa:4096", "-addext", f"nsComment={'x' * 1500}"),
            r"it has \d+ bytes, and the chain takes 2048",
        ),
    ],
    ids=["short-key", "server-only", "no-signing", "too-large"],
)
def test_certificates_that_nodes_cannot_use_are_refused(
    tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ("-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=node")
    openssl("req", "-x509", "-newkey", *options, *made)
    key.chmod(0o600)
    with pytest.raises(CertificateInvalid, match=reason):
        open_identity(certificate, key)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_certificates_are_refused_and_never_crash(identity: Identity, seed: int) -> None:
    chance = random.Random(seed)
    der = bytearray(identity.certificate)
    for _ in range(chance.randint(1, 30)):
        der[chance.randrange(len(der))] = chance.randrange(256)
    try:
        read_certificate(bytes(der), "it")
    except CertificateInvalid as error:
        assert "it is refused" in str(error)
    for cut in (b"", bytes(der[: len(der) // 2]), os.urandom(100)):
        with pytest.raises(CertificateInvalid):
            read_certificate(cut, "it")
