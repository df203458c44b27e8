"""The swarm's callback for training frameworks, each an extra of its own name.

:mod:`.lightning` and :mod:`.transformers` import theirs at once: import what you train with only.
"""
