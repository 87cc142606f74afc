"""The command line: parser hook, typed @task, output, progress.

`from ops.cli import task` is all that a module of fabfile/ needs to define tasks; what their
bodies need is imported inside them, to keep `fab --list` quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from invoke.context import Context

from ops.cli.tasks import task

if TYPE_CHECKING:
    from ops.cli.consent import settle
    from ops.cli.place import repository

__all__ = ["Context", "repository", "settle", "task"]

_LATER = {"repository": "ops.cli.place", "settle": "ops.cli.consent"}


def __getattr__(name: str) -> object:
    """Return what is loaded when it is first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
