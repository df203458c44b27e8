"""Training that somebody else can do again, a few steps at a time, and get the same.

:mod:`.order` says which examples a step takes, without PyTorch; :mod:`.trainer` is what a bundle's
script calls; :mod:`.optimizers` and :mod:`.training` are what it does.
"""
