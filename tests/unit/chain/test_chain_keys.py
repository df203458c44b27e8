"""Keys: derivation, key files that polkadot.js reads and writes, the key store."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from substrateinterface import Keypair

from decentralml.chain.keys import development_key, verify
from decentralml.chain.keystore import KeyStore
from decentralml.chain.secret import DEVELOPMENT_PHRASE, junction, key_pair
from decentralml.errors import (
    KeyExists,
    KeyFileDamaged,
    KeyNameInvalid,
    KeysError,
    KeyUnknown,
    PassphraseRequired,
    SecretInvalid,
    WrongPassphrase,
)

SEED = "0x" + "ef" * 32
MNEMONIC = "legal winner thank year wave sausage worth useful legal winner thank yellow"
KNOWN = "e837fadab153e3b584a6d3ce8575bc28cd1f4ff6f008daea1581c730db47b896"
"""The encryption secret of //Alice."""
# Written by @polkadot/keyring 13 (npm): createFromUri(SEED).toJson("secret"), and without.
FROM_POLKADOT_JS = {
    "encoded": (
        "JNDChnNGgtgHNfRqyfVkOzjDFBbjR/go67n/y294IRMAAAIAAQAAAAgAAAAmI4KFAJ0z8kbry3Faz6vef1pHIamA9f"
        "yGtNW9VMdaC2T80KyiT6EVhnljO75Gsq/jVONoCQK05FYk+8mHEZU9TVXMkZFbxWC8M0prpTWKDx+hGJcKaRbcVKn1"
        "ntBT3svEVzrte9XcpCubnt+Y2WFVNdUjI0R/XREnpq4KrmGlAWdfbBv8s4v7ZtajX0Vb1pyPd6ynEzK+uBOMylnR"
    ),
    "encoding": {
        "content": ["pkcs8", "sr25519"],
        "type": ["scrypt", "xsalsa20-poly1305"],
        "version": "3",
    },
    "address": "5Esijwms5pkaGA94ersWh9VZpRroD2NEiB3WJxZZciSMTZkj",
    "meta": {"name": "from polkadot.js"},
}
PLAIN_FROM_POLKADOT_JS = {
    **FROM_POLKADOT_JS,
    "encoded": (
        "MFMCAQEwBQYDK2VwBCIEILjq6XcUGw/FUQD3vkLT9hxIx7lyduCPhq6t3+brhct0/E2XWoocgmCZNqvNQgSeRCIz/G"
        "8TGjthKgGC33uBPWahIwMhAHxT+hs1iUzWfbNJIgcF+DAYecppEPGYSk1XfWNFFOYF"
    ),
    "encoding": {"content": ["pkcs8", "sr25519"], "type": ["none"], "version": "3"},
}


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys")


@pytest.mark.parametrize(
    "uri",
    [
        *("//Alice", "//Bob//stash", "/soft/7", "//0//18446744073709551615", "//mixed/1//two"),
        "//a-derivation-that-is-longer-than-thirty-two-bytes",
        *(MNEMONIC, f"{MNEMONIC}//hard/soft", f"{DEVELOPMENT_PHRASE}//Alice"),
    ],
)
def test_derivations_give_the_keys_that_other_tools_derive(uri: str) -> None:
    # substrate-interface lets a wallet's words be lower case only, and so do we.
    assert key_pair(uri).public == Keypair.create_from_uri(uri).public_key


def test_a_seed_gives_the_key_that_other_tools_make_of_it() -> None:
    assert key_pair(SEED).public == Keypair.create_from_seed(SEED).public_key


def test_a_mnemonics_password_changes_the_key() -> None:
    assert key_pair(MNEMONIC).public != key_pair(f"{MNEMONIC}///password").public


@pytest.mark.parametrize(
    "secret",
    [
        *(
            "",
            "   ",
            "one two three",
            "0xabcd",
            "0x" + "zz" * 32,
            MNEMONIC.replace("yellow", "zoo"),
        ),
        *(MNEMONIC.replace("legal", "illegal"), "//" + "9" * 100),
    ],
)
def test_what_is_no_secret_is_refused_without_repeating_it(secret: str) -> None:
    with pytest.raises(SecretInvalid) as refused:
        key_pair(secret)
    assert MNEMONIC[:20] not in str(refused.value)


def test_a_junction_is_32_bytes_whatever_it_is_called() -> None:
    for name in ("0", "7", "Alice", "x" * 31, "x" * 32, "x" * 500, "ü" * 40):
        assert len(junction(name)) == 32


@given(message=st.binary(max_size=500))
def test_a_signature_verifies_and_a_changed_message_or_signer_does_not(message: bytes) -> None:
    alice, bob = development_key("//Alice"), development_key("//Bob")
    signature = alice.sign(message)
    assert verify(alice.public_key, message, signature)
    assert not verify(bob.public_key, message, signature)
    assert not verify(alice.public_key, message + b"!", signature)
    assert not verify(alice.public_key, message, signature[:-1])
    assert not verify(b"", message, signature)
    assert not verify(bytes(32), message, bytes(64))


def test_nothing_shows_a_secret(store: KeyStore) -> None:
    key, words = store.new("ann", None)
    shown = repr(key) + repr(key.pair) + str(store.list())
    assert key.pair.secret.hex() not in shown
    assert words.split()[0] not in shown.split()


def test_the_words_shown_once_bring_the_key_back(store: KeyStore) -> None:
    key, words = store.new("ann", "secret")
    assert len(words.split()) == 12
    again = store.import_secret("again", words, "other")
    assert again.address == key.address
    assert again.encryption_secret() == key.encryption_secret()


def test_the_encryption_secret_is_the_same_however_the_key_came_here(
    store: KeyStore, tmp_path: Path
) -> None:
    # Derived keys differ in their nonce seed each time; a file keeps no seed at all.
    key = store.import_secret("first", f"{MNEMONIC}//work", "secret")
    twin = store.import_secret("twin", f"{MNEMONIC}//work", "secret")
    file = tmp_path / "exported.json"
    file.write_text(store.export("first"))
    moved = KeyStore(tmp_path / "elsewhere").import_file("moved", file, "secret", None)
    assert key.encryption_secret() == twin.encryption_secret() == moved.encryption_secret()
    assert len(key.encryption_secret()) == 32
    assert key.encryption_secret() != key.pair.secret[:32]
    assert key.encryption_secret() != store.new("other", None)[0].encryption_secret()


def test_the_encryption_secret_of_a_known_key_never_changes() -> None:
    from Crypto.Hash import SHA256
    from Crypto.Protocol.KDF import HKDF

    key = development_key("//Alice")
    info = b"decentralml/encryption/x25519@1"
    assert key.encryption_secret() == HKDF(key.pair.secret[:32], 32, b"", SHA256, context=info)
    assert key.encryption_secret().hex() == KNOWN


def test_other_wallets_open_our_files(store: KeyStore) -> None:
    key, _ = store.new("ann", "pässword")
    opened = Keypair.create_from_encrypted_json(store.export("ann"), "pässword")
    assert opened.ss58_address == key.address
    assert opened.private_key == key.pair.secret


@pytest.mark.parametrize(
    ("document", "passphrase"), [(FROM_POLKADOT_JS, "secret"), (PLAIN_FROM_POLKADOT_JS, None)]
)
def test_we_open_the_files_of_other_wallets(
    store: KeyStore, tmp_path: Path, document: dict[str, object], passphrase: str | None
) -> None:
    file = tmp_path / "polkadot.json"
    file.write_text(json.dumps(document))
    key = store.import_file("js", file, passphrase, "mine")
    assert key.address == document["address"]
    assert key.public_key == key_pair(SEED).public
    assert store.load("js", "mine") == key


def test_a_file_is_its_owners_only_and_no_other_file_is_left(store: KeyStore) -> None:
    store.new("ann", "secret")
    assert [file.name for file in store.folder.iterdir()] == ["ann.json"]
    assert stat.S_IMODE((store.folder / "ann.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_a_wrong_or_missing_passphrase_is_said_by_name(store: KeyStore) -> None:
    store.new("ann", "secret")
    with pytest.raises(WrongPassphrase, match="ann"):
        store.load("ann", "Secret")
    with pytest.raises(PassphraseRequired, match="DECENTRALML_PASSPHRASE"):
        store.load("ann")


def test_a_passphrase_is_asked_for_only_where_one_is_needed(store: KeyStore) -> None:
    def never() -> str:
        raise AssertionError("asked")

    store.new("open", None)
    store.load("open", never)
    store.load("//Alice", never)
    store.new("ann", "secret")
    assert store.load("ann", lambda: "secret").name == "ann"


def test_an_unknown_key_names_the_known_ones(store: KeyStore) -> None:
    with pytest.raises(KeyUnknown, match="none yet"):
        store.load("ann")
    store.new("bob", None)
    with pytest.raises(KeyUnknown, match="known: bob"):
        store.export("ann")


def test_a_key_is_never_overwritten(store: KeyStore) -> None:
    key, _ = store.new("ann", None)
    with pytest.raises(KeyExists, match=key.address):
        store.new("ann", None)
    with pytest.raises(KeyExists):
        store.import_secret("ann", MNEMONIC, None)
    assert store.load("ann") == key


def test_of_many_that_make_one_key_at_once_one_wins(store: KeyStore) -> None:
    def attempt(_: int) -> str | None:
        try:
            return store.new("ann", None)[0].address
        except KeyExists:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [address for address in pool.map(attempt, range(16)) if address]
    assert made == [store.info("ann").address]


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "../up", "a b", "x" * 65, "ü", "a\0b"])
def test_a_name_that_is_no_file_name_is_refused(store: KeyStore, name: str) -> None:
    with pytest.raises(KeyNameInvalid):
        store.new(name, None)


def test_a_removed_key_is_put_aside_and_not_destroyed(store: KeyStore) -> None:
    first, _ = store.new("ann", None)
    text = store.export("ann")
    grave = store.remove("ann")
    assert grave.read_text() == text
    assert store.list() == []
    second, _ = store.new("ann", None)
    assert store.remove("ann") != grave
    assert first.address != second.address


@pytest.mark.parametrize(
    "damage",
    [
        {"encoded": "!!"},
        {"encoded": ""},
        {"encoded": FROM_POLKADOT_JS["encoded"][:40]},
        {"encoding": {}},
        {"encoding": {"content": ["pkcs8", "ed25519"], "type": ["none"], "version": "3"}},
        {"encoding": {"content": ["pkcs8", "sr25519"], "type": ["rot13"], "version": "3"}},
        {"encoding": {"content": ["pkcs8", "sr25519"], "type": ["none"], "version": "2"}},
        {"address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"},
        {"address": "nobody"},
    ],
)
def test_a_damaged_file_is_said_to_be_damaged(
    store: KeyStore, tmp_path: Path, damage: dict[str, object]
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps({**FROM_POLKADOT_JS, **damage}))
    with pytest.raises(KeyFileDamaged):
        store.import_file("x", file, "secret", None)
    assert store.list() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"x"'])
def test_a_file_that_is_no_key_is_said_to_be_none(
    store: KeyStore, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "key.json"
    file.write_text(text)
    with pytest.raises(KeyFileDamaged):
        store.import_file("x", file, "secret", None)


def test_a_file_that_asks_for_endless_work_is_refused_at_once(
    store: KeyStore, tmp_path: Path
) -> None:
    import base64

    data = bytearray(base64.b64decode(str(FROM_POLKADOT_JS["encoded"])))
    data[32:36] = (1 << 30).to_bytes(4, "little")
    hostile = {**FROM_POLKADOT_JS, "encoded": base64.b64encode(data).decode()}
    file = tmp_path / "key.json"
    file.write_text(json.dumps(hostile))
    with pytest.raises(KeyFileDamaged, match="scrypt"):
        store.import_file("x", file, "secret", None)


@pytest.mark.parametrize("blocked", ["a file in its place", "a file above it"])
def test_a_folder_that_cannot_keep_keys_is_said_by_name(tmp_path: Path, blocked: str) -> None:
    (tmp_path / "taken").write_text("not a folder")
    folder = tmp_path / "taken" / ("keys" if "above" in blocked else "")
    with pytest.raises(KeysError, match="taken"):
        KeyStore(folder).new("ann", None)


def test_the_development_phrase_is_not_taken_for_a_key_of_ones_own(store: KeyStore) -> None:
    for secret in ("//Alice", DEVELOPMENT_PHRASE, f"{DEVELOPMENT_PHRASE}//x"):
        with pytest.raises(SecretInvalid, match="development"):
            store.import_secret("ann", secret, None)
    assert development_key("//Alice").development
    assert not store.new("ann", None)[0].development
