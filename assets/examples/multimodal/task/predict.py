"""Predictions of a result, for the aggregators that measure it."""

from lesson import LESSON

from decentralml.learning.scripts import predict

if __name__ == "__main__":
    predict(LESSON)
