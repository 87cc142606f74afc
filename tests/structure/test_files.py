"""Files: of one thought, without loose ends, and with nothing of one machine in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.structure.modules import PROJECT, Module, modules, tracked

LONGEST = 300
"""Lines of a module; files of one thought have around 100."""

_WORDS = (
    r"(?:^|[^A-Za-z0-9_])/(?:wo" + r"rk|fa" + r"rm)/",
    "bash" + "_jobs",
    "py" + r"pi\.org",
    "python" + "hosted",
    "registry" + r"\.npm",
    "deb" + r"\.debian\.org",
    "archive" + r"\.ubuntu\.com",
)
MACHINE = re.compile("|".join(_WORDS))
"""Paths of one machine and hosts of package registries."""

LOOSE = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def test_tracked_files_name_no_machine_and_no_registry() -> None:
    assert list(_found(MACHINE, tracked())) == []


def test_no_loose_ends() -> None:
    assert list(_found(LOOSE, tracked("*.py", "Makefile", "*.sh"))) == []


def test_modules_are_of_one_thought() -> None:
    long = {
        str(module.path): lines
        for top in ("ops", "fabfile")
        for module in modules(top).values()
        if (lines := len((PROJECT / module.path).read_bytes().splitlines())) > LONGEST
    }
    assert long == {}


def test_only_the_command_line_ends_the_process() -> None:
    below = [m for name, m in modules("ops").items() if name.split(".")[1:2] != ["cli"]]
    assert [place for module in below for place in _exits(module)] == []


def _exits(module: Module) -> Iterator[str]:
    """Yield where a module ends the process, but for a program's own last line."""
    inner = [node for node in module.tree.body if not _is_program(node)]
    for node in (found for part in inner for found in ast.walk(part)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sys.exit", "exit", "quit"):
            yield f"{module.path}:{node.lineno}"


def _is_program(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def _found(pattern: re.Pattern[str], paths: list[Path]) -> Iterator[str]:
    for path in paths:
        content = (PROJECT / path).read_bytes()
        if b"\0" in content[:8000]:
            continue
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                yield f"{path}:{number}: {line.strip()[:120]}"
