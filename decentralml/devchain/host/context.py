"""What the host functions of one runtime call work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from decentralml.devchain.host.keystore import Keystore
from decentralml.devchain.host.memory import GuestFault, GuestMemory
from decentralml.devchain.overlay import Overlay


@dataclass(slots=True)
class Host:
    memory: GuestMemory
    read_version: Callable[[bytes], bytes | None]
    """SCALE ``RuntimeVersion`` of a runtime's code; None if it is no runtime."""
    keystore: Keystore
    overlay: Overlay | None = None
    """None while no call runs."""
    floor: int = 0
    """Transactions that were open before the call: not the guest's to end."""
    errors: list[str] = field(default_factory=list)
    """What the guest logged as an error in this call; a panic is one."""
    batch: bool | None = None
    """Whether all signatures since ``start_batch_verify`` were good; None outside a batch."""

    @property
    def state(self) -> Overlay:
        if self.overlay is None:
            raise GuestFault("there is no state here")
        return self.overlay
