"""Federations of simulated clients on one machine.

:mod:`.federation` runs them; :mod:`.partition` divides examples among clients.
"""
