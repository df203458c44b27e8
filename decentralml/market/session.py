"""What every use case needs: settings, a chain, a store, and the key that signs.

Each part opens when it is first asked for, so that listing tasks touches no store and reading a
balance asks for no passphrase.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from decentralml.chain import ss58
from decentralml.config import EMBEDDED, Config, load
from decentralml.errors import (
    AddressInvalid,
    KeyNameInvalid,
    KeysError,
    KeyUnknown,
    NoKeyChosen,
    UnknownAccount,
)
from decentralml.market.accounts import WELL_KNOWN
from decentralml.market.records import Records
from decentralml.market.work import WorkFolder
from decentralml.service.reporting import Reporter, Silent, patience
from decentralml.types import Address, TaskId

if TYPE_CHECKING:
    from decentralml.chain.api import Chain, ChainInfo
    from decentralml.chain.keys import Key
    from decentralml.chain.keystore import KeyStore
    from decentralml.storage.objects import Objects

Passphrase = Callable[[str], str | None]
"""Asked for the passphrase of a key, by its name."""


class Session:
    """One user's dealings with one chain and one store; a context manager.

    Parameters
    ----------
    config : which home, chain, store and key.
    passphrase : the key's passphrase, or a function that is asked for it when it is needed.
    reporter : told of steps and progress.
    """

    def __init__(
        self,
        config: Config,
        *,
        passphrase: str | Passphrase | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self.config = config
        self.report: Reporter = reporter or Silent()
        self._passphrase = passphrase
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    @cached_property
    def chain(self) -> Chain:
        from decentralml.chain.connect import connect

        if self.config.chain == EMBEDDED:
            return self._open.enter_context(connect(self.config))
        with patience(self.report, f"waiting for {self.config.chain}"):
            return self._open.enter_context(connect(self.config))

    @cached_property
    def info(self) -> ChainInfo:
        """The chain as it was when this session first looked."""
        return self.chain.info()

    @property
    def genesis(self) -> bytes:
        return bytes.fromhex(self.info.genesis.removeprefix("0x"))

    @cached_property
    def objects(self) -> Objects:
        from decentralml.storage.objects import open_objects

        return self._open.enter_context(open_objects(self.config))

    @cached_property
    def keys(self) -> KeyStore:
        from decentralml.chain.keystore import KeyStore

        return KeyStore(self.config.keys)

    @cached_property
    def key(self) -> Key:
        """The chosen key, unlocked. Raises NoKeyChosen, or what the key store says."""
        name = self.key_name
        return self.keys.load(name, lambda: self.passphrase(name))

    @cached_property
    def key_name(self) -> str:
        """The key chosen by ``--as``, or the only one there is."""
        if self.config.key:
            return self.config.key
        known = self.keys.names()
        if len(known) == 1:
            return known[0]
        raise NoKeyChosen(known)

    @cached_property
    def address(self) -> Address:
        """The chosen key's address, without unlocking it."""
        return self.resolve(self.key_name)

    def resolve(self, name: str) -> Address:
        """The address of a key's name, a development key, a well-known account or an address.

        Raises
        ------
        UnknownAccount : none of these.
        """
        if name in WELL_KNOWN:
            return WELL_KNOWN[name]
        try:
            return ss58.encode(ss58.decode(name))
        except AddressInvalid:
            pass
        try:
            return self.keys.info(name).address
        except (KeyUnknown, KeyNameInvalid):
            raise UnknownAccount(name) from None

    @cached_property
    def names(self) -> dict[Address, str]:
        """What this user calls accounts: own keys and well-known accounts, by address."""
        names = {address: name for name, address in WELL_KNOWN.items()}
        chosen = self.config.key
        if chosen is not None and chosen.startswith("/"):
            with suppress(KeysError):
                names[self.keys.info(chosen).address] = chosen
        for name in self.keys.names():
            # A damaged key file must not keep anybody from reading a list.
            with suppress(KeysError):
                names[self.keys.info(name).address] = name
        return names

    def called(self, address: Address) -> str:
        """An account's name where this user has one for it, else its address."""
        return self.names.get(address, address)

    def passphrase(self, name: str) -> str | None:
        """The passphrase of a key, from whoever was named to know it."""
        return self._passphrase(name) if callable(self._passphrase) else self._passphrase

    def records(self, kind: str) -> Records:
        """Records of one kind of command on this chain."""
        return Records(self.config.home, self.genesis, kind)

    def work(self, task: TaskId) -> WorkFolder:
        """Where this account keeps its work on a task."""
        return WorkFolder(self.config.work / self.genesis.hex()[:8] / self.address / str(task))


def open_session(
    *,
    home: Path | None = None,
    profile: str | None = None,
    chain: str | None = None,
    storage: str | None = None,
    key: str | None = None,
    passphrase: str | Passphrase | None = None,
    reporter: Reporter | None = None,
) -> Session:
    """A session with the settings that the command would use, but for those given here.

    Use it in a ``with``. ``key`` is the name of a key, or ``//Alice`` on a development chain;
    without a passphrase, DECENTRALML_PASSPHRASE is taken.

    Raises
    ------
    ConfigError
    """
    config = load(home, profile, chain=chain, storage=storage, key=key)
    if passphrase is None:
        passphrase = os.environ.get("DECENTRALML_PASSPHRASE")
    return Session(config, passphrase=passphrase, reporter=reporter)
