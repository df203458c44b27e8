"""The economy of the protocol, simulated: agents of every strategy on the real runtime.

    python scripts/sim [--agents 2000] [--seed 2026] [--json]

``parameters.toml`` says what is assumed, ``docs/economics.md`` what comes of it.
"""
