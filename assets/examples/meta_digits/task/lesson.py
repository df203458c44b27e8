"""Digits of two kinds, told apart after a few examples: what is learned is the start."""

from decentralml.learning.meta.lesson import MetaLesson
from decentralml.learning.models import PlainNet


def model() -> PlainNet:
    return PlainNet(inputs=14 * 14, hidden=(64,), classes=2)


LESSON = MetaLesson(name="start", model=model)
