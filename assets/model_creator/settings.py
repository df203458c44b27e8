"""Parameters that the creator and its contributors share: this file is the same in both bundles."""

NAME = "digits"
"""Name of the model; a result is saved in a folder NAME_CONTRIBUTOR."""

FIRST_EPOCHS = 4
FIRST_BATCH = 16
"""The creator's first training: brief, on few examples."""

EPOCHS = 5
BATCH = 32
"""A contributor's training on its own examples."""

LEARNING_RATE = 0.01
MOMENTUM = 0.9
SEED = 0

HELD_OUT = 10
"""A contributor trains on its own examples but for one in so many, which measure its model."""
