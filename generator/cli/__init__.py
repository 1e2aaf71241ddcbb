"""The ``hotshot`` command line: one module a sub-command, each with ``add_to`` and ``run``."""
