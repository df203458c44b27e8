"""byzfl's aggregators as an oracle, without what its package imports beside them.

``import byzfl`` loads torchvision, which only works beside the very PyTorch it was built with; its
aggregators need NumPy, SciPy and PyTorch.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType

import pytest


def aggregators() -> ModuleType:
    """``byzfl.aggregators``; skips the test where byzfl is not installed, except in CI."""
    spec = importlib.util.find_spec("byzfl") if "byzfl" not in sys.modules else None
    if spec is not None and spec.submodule_search_locations:
        bare = ModuleType("byzfl")
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules["byzfl"] = bare
    if "byzfl" not in sys.modules:
        message = "byzfl, the oracle of the robust rules, is not installed: pip install -e '.[dev]'"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return importlib.import_module("byzfl.aggregators")
