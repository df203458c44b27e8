"""Parameters of the annotation task."""

NAME = "labels"
"""A result is saved in a folder NAME_CONTRIBUTOR."""

NEIGHBOURS = 3
"""Labelled images of the annotator's own that vote on the label of a sample."""
