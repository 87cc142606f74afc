"""The task tree. `fab --list` shows it, `fab TASK --help` explains a task."""

from __future__ import annotations

import sys

from fabric.main import program
from invoke.exceptions import Exit

# Invoke keeps Python from writing bytecode; without it each start would compile everything anew.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

# Fabric puts this folder first on sys.path, where its modules would shadow others.
sys.path[:] = [folder for folder in sys.path if folder not in __path__]

try:
    from ops.cli.program import install
    from ops.cli.tree import grow

    install(program)
    namespace = grow(__name__, __path__)
except ModuleNotFoundError as missing:
    raise Exit(
        f"{missing.name} is not installed here\nRun `make install`, then use .venv/bin/fab.", 1
    ) from None
