"""How models are trained, measured and merged.

:mod:`.mean` and :mod:`.federate` merge models without PyTorch and in flat memory; :mod:`.models`
and :mod:`.train` need PyTorch and are imported where it is wanted; :mod:`.examples` reads and
writes folders of labelled examples.
"""
