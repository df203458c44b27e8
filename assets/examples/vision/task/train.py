"""A contributor's work: train the creator's model on examples that never leave this machine."""

from lesson import LESSON

from decentralml.learning.scripts import contribute

if __name__ == "__main__":
    contribute(LESSON)
