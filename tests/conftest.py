"""Here so that pytest puts this folder on the path: the ``*_support`` modules are shared."""
