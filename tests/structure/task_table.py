"""The README's table of tasks, made from the tasks themselves; `make readme` writes it."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import fabfile
from ops.cli.manual import usage
from ops.cli.signatures import signature

README = Path(__file__).resolve().parents[2] / "README.md"
TABLE = re.compile(r"(?<=\| task \| does \|\n\|---\|---\|\n)(?:\|.*\n)*")


def rows() -> list[str]:
    """Return a row for each task: how it is typed, and the first line of its docstring."""
    names = fabfile.namespace.task_names
    return [_row(name, aliases) for name, aliases in sorted(names.items())]


def written() -> list[str]:
    """Return the rows that the README has."""
    found = TABLE.search(README.read_text())
    return found[0].splitlines() if found else []


def write() -> None:
    """Put the rows into the README."""
    table = "".join(f"{row}\n" for row in rows())
    README.write_text(TABLE.sub(lambda _: table, README.read_text(), count=1))


def _row(name: str, aliases: list[str]) -> str:
    task = fabfile.namespace[name]
    short = min([name, *aliases], key=len)
    does = (inspect.getdoc(task) or "").partition("\n\n")[0].replace("\n", " ")
    form = usage(signature(task.body, task.rules, short)).removeprefix("fab ").replace("|", "\\|")
    return f"| `{form}` | {does} |"


if __name__ == "__main__":
    write()
