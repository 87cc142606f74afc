"""The command line: parser hook, typed @task, output, progress.

`from ops.cli import task` is all that a module of fabfile/ needs to define tasks.
"""

from invoke.context import Context

from ops.cli.place import repository
from ops.cli.settle import settle
from ops.cli.tasks import task

__all__ = ["Context", "repository", "settle", "task"]
