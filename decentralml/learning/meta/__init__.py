"""Federated meta-learning: a start that each client makes its own with few examples.

:mod:`.learners` has the methods; :mod:`.gradient` differentiates them over many clients;
:mod:`.federation` runs rounds; :mod:`.tasks` splits clients' examples.
"""
