"""Puts this folder on the path, for the ``*_support`` modules, and loads their fixtures."""

import signal

pytest_plugins = ["market_support", "cli_support", "database_support"]

# A shell that starts the tests in its background has them, and their children, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
