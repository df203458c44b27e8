"""What accepted results become: the next model, one set of labels, a line of models."""
