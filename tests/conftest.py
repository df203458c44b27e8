"""Puts this folder on the path, for the ``*_support`` modules, and loads their fixtures."""

import signal

pytest_plugins = ["market_support"]

# Who starts the tests in the background of a shell has it ignore Ctrl-C, for all their children too.
signal.signal(signal.SIGINT, signal.default_int_handler)
