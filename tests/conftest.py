"""Puts this folder on the path, for the ``*_support`` modules, and loads their fixtures."""

pytest_plugins = ["market_support"]
