"""Federated runs: each round is a task."""
