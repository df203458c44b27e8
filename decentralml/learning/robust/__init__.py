"""Merging that survives attackers: rules by name, one file an idea.

:mod:`.rules` names them with their options, :mod:`.choose` picks one with a reason.

Two kinds of rules. Those that give each update a *coefficient* need the updates' distances from
each other only (:mod:`.geometry`: one Gram matrix, streamed once): Krum (:mod:`.krum`), geometric
median and clipping (:mod:`.centre`), trust (:mod:`.trust`), mixing before any of them
(:mod:`.mixing`); the merge is then :func:`decentralml.learning.mean.combined`. Those that look at
each *coordinate* apart see a piece of all updates at a time (:mod:`.coordinates`,
:mod:`.networks`). See docs/merging.md.
"""
