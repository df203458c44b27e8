"""Many clients' training at once: stacked side by side under ``torch.func.vmap``.

:mod:`.model` makes any module a pure function of one client's values; :mod:`.cost` chooses between
a stack and a loop, and which linear layers need no weights per client; :mod:`.local` trains.
"""
