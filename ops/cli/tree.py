"""Grows the task tree from fabfile/: one noun a file, its tasks under the noun's name."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module

from invoke.collection import Collection

from ops.cli.tasks import Task


def grow(package: str, path: Iterable[str]) -> Collection:
    """Return the tasks of all modules of `package`.

    A module `backup` with the tasks `run` and `prune` gives backup.run and backup.prune. A task
    called as its module (`status` in status) stands on its own, without a dot.
    """
    root = Collection()
    for found in sorted(pkgutil.iter_modules(path), key=lambda module: module.name):
        module = import_module(f"{package}.{found.name}")
        noun = Collection(found.name)
        noun.__doc__ = module.__doc__
        for task in vars(module).values():
            if isinstance(task, Task):
                task.title = task.name if task.name == found.name else f"{found.name}.{task.name}"
                (root if task.name == found.name else noun).add_task(task)
        if noun:
            root.add_collection(noun)
    return root
