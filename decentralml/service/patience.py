"""What is waited for when it is away, and for how long before it is tried again."""

from __future__ import annotations

import errno

from decentralml.errors import (
    ConfigError,
    NotDevelopmentChain,
    RuntimeMismatch,
    RuntimeOutdated,
    WrongGenesis,
)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
"""Seconds before trying again what is away; each trial in vain doubles them."""
HOPELESS = (ConfigError, WrongGenesis, RuntimeMismatch, RuntimeOutdated, NotDevelopmentChain)
"""What no waiting mends."""


def is_full(error: Exception) -> bool:
    """Whether it is for want of room on a disk."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def told(error: Exception) -> str:
    """What is wrong, for people; a full disk by that name."""
    return "the disk is full" if is_full(error) else str(error)
