"""The task tree. `fab --list` shows it, `fab TASK --help` explains a task."""

from __future__ import annotations

import sys

from fabric.main import program
from invoke.exceptions import Exit

try:
    from ops.cli.program import install
    from ops.cli.tree import grow
except ModuleNotFoundError as missing:
    raise Exit(
        f"{missing.name} is not installed here\nRun `make install`, then .venv/bin/fab.", 1
    ) from None

# Fabric puts this folder first on sys.path, where its modules would shadow others.
sys.path[:] = [folder for folder in sys.path if folder not in __path__]
install(program)
namespace = grow(__name__, __path__)
