"""Errors of the pallet ``swarm``."""

from __future__ import annotations

from typing import ClassVar

from decentralml.errors import CallRefused


class SwarmRefused(CallRefused):
    """An error of the pallet ``swarm``."""

    home: ClassVar[str] = "Swarm"


class UnknownSwarm(SwarmRefused):
    message = "there is no swarm {swarm}; `decentralml swarm list` shows those there are"
