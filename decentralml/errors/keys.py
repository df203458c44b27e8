"""Errors of keys, passphrases and addresses."""

from __future__ import annotations

from decentralml.errors.root import KeysError


class KeyUnknown(KeysError):
    """No key of that name is in the key store."""

    def __init__(self, name: str, known: tuple[str, ...], folder: str) -> None:
        self.name = name
        self.known = known
        self.folder = folder
        have = f"known: {', '.join(known)}" if known else "there are none yet"
        super().__init__(
            f"no key {name!r} in {folder} ({have}); make one with `decentralml keys new {name}`"
        )


class KeyExists(KeysError):
    """A key of that name is there already; it is never overwritten."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        super().__init__(
            f"a key {name!r} exists already ({address}); choose another name, or move the old "
            f"one away with `decentralml keys remove {name}`"
        )


class KeyNameInvalid(KeysError):
    """A key's name cannot be a file's name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} cannot name a key; use 1 to 64 letters, digits, '-', '_' or '.', "
            "and begin with a letter or digit"
        )


class WrongPassphrase(KeysError):
    """The passphrase does not open a key's file."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the passphrase does not open the key {name!r}; try again with its own")


class PassphraseRequired(KeysError):
    """A key is encrypted, or is to be, and no passphrase was given."""

    def __init__(self, name: str, new: bool = False) -> None:
        self.name, self.new = name, new
        what = "is kept encrypted; choose a" if new else "is encrypted; give its"
        super().__init__(
            f"the key {name!r} {what} passphrase at the prompt, in a file "
            "(--passphrase-file) or in DECENTRALML_PASSPHRASE"
        )


class KeyFileDamaged(KeysError):
    """A key's file is not what polkadot.js or this program writes."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} is not a usable key file ({reason}); restore it from a copy")


class SecretInvalid(KeysError):
    """A secret is neither a mnemonic, nor a seed, nor a secret URI."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"that is no secret key ({reason}); give 12 to 24 words, a seed as 0x and 64 "
            "hexadecimal digits, either followed by //a/derivation, or a polkadot.js JSON file"
        )


class AddressInvalid(KeysError):
    """A text is not an account's address."""

    def __init__(self, text: str, reason: str) -> None:
        self.text = text
        self.reason = reason
        super().__init__(f"{text!r} is not an address ({reason}); copy it again in full")
