"""Federations run by Flower: extra ``flower``. See docs/flower.md."""
