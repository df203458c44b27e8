"""Attacks on merging, for tests and for users' own drills: none of them touches anything but the
files and examples that it is handed.

:mod:`.examples` poisons what a contributor trains on, :mod:`.updates` forges what it sends,
:mod:`.drill` plays a federation of real digits with attackers in it. See docs/merging.md.
"""
