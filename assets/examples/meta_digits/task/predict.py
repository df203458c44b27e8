"""Predictions of a result's adapted models, for the aggregators that measure it."""

from lesson import LESSON

from decentralml.learning.meta.scripts import predict

if __name__ == "__main__":
    predict(LESSON)
