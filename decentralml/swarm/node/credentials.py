"""Which certificate a node shows, and when another one has to be registered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from decentralml.chain.swarm.words import Node
from decentralml.errors import CertificateError, IdentityMissing, IdentityUnregistered
from decentralml.swarm.identity.certificate import Scope
from decentralml.swarm.identity.own import Identity, forget_others, identities, load_identity


@dataclass(frozen=True, slots=True)
class Credentials:
    """
    Attributes
    ----------
    folder : of the identities that were made or put here.
    given : the certificate that the user named; None: those in the folder.
    renewed : gives the newest certificate, which is registered when it is another one.
    """

    folder: Path
    scope: Scope
    given: Identity | None = None
    renewed: Callable[[], Identity] | None = None

    def first(self, me: Node) -> Identity:
        """The one to begin with: that which the chain has of this node, or one that takes its
        place and has yet to be registered.

        Raises
        ------
        IdentityMissing, IdentityUnregistered, CertificateError
        """
        identity = self.given or load_identity(self.folder, me.identity)
        identity.facts.check_time("this node's certificate")
        identity.facts.check_scope("this node's certificate", self.scope, me.account)
        if identity.digest != me.identity and not self._takes_its_place(me):
            raise IdentityUnregistered(self.scope.swarm, str(self.folder))
        return identity

    def newest(self, me: Node, shown: Identity) -> Identity:
        """The one to show from now on: once the time of ``shown`` is over, any that is valid."""
        if self.renewed is not None:
            return self.renewed()
        if self.given is None and shown.facts.is_over():
            with suppress(CertificateError, IdentityMissing):
                found = load_identity(self.folder, me.identity)
                found.facts.check_scope("this node's certificate", self.scope, me.account)
                return found
        return shown

    def registered(self, me: Node, newest: Identity) -> Identity:
        """The one that the chain knows by now, be it that another command has registered it.

        Raises
        ------
        IdentityMissing, IdentityUnregistered, CertificateError
        """
        if newest.digest == me.identity:
            found = newest
        else:
            found = load_identity(self.folder, me.identity)
            if found.digest != me.identity:
                raise IdentityUnregistered(self.scope.swarm, str(self.folder))
        if self.renewed is None:
            forget_others(self.folder, found)
        return found

    def _takes_its_place(self, me: Node) -> bool:
        """Whether another one may be registered without being asked: where one is renewed, or the
        registered one is here, so that only its time can be over."""
        if self.renewed is not None:
            return True
        here = () if self.given else identities(self.folder)
        return any(identity.digest == me.identity for identity in here)
