"""Names: no file shadows another's module, tests mirror what they test, no empty words."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.structure.modules import PROJECT, modules, tracked

EMPTY_WORDS = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
APART = frozenset({"lab", "structure", "support"})
"""Folders of tests that mirror nothing: real hosts, the house itself, stand-ins."""


def test_no_task_module_shadows_pythons_or_a_dependencys() -> None:
    nouns = {name.split(".")[1] for name in modules("fabfile") if "." in name}
    taken = sys.stdlib_module_names | packages_distributions().keys()
    assert sorted(nouns & taken) == []


def test_modules_are_named_for_what_they_are() -> None:
    parts = {part for name in modules("ops") for part in name.split(".")}
    assert sorted(parts & EMPTY_WORDS) == []


def test_every_test_file_belongs_to_a_module() -> None:
    tests = [path for path in tracked("tests/test_*.py", "tests/**/test_*.py") if _mirrors(path)]
    assert [str(path) for path in tests if not _tested(path)] == []


def _mirrors(path: Path) -> bool:
    return path.parts[1] not in APART


def _tested(path: Path) -> bool:
    """Return whether tests/remote/test_host.py has ops/remote/host.py, or a package of the name."""
    inner = Path(*path.parts[1:-1], path.stem.removeprefix("test_"))
    base = PROJECT if inner.parts[0] == "fabfile" else PROJECT / "ops"
    return (base / inner).with_suffix(".py").is_file() or (base / inner / "__init__.py").is_file()
