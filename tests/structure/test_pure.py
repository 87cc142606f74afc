"""Modules that decide are pure: no AWS, hosts, processes or sockets, and no clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.structure.modules import Module, modules

DECIDING_NAMES = {"command", "compare", "forecast", "grammar", "plan", "recommendation"} | {
    "retention",
    "shards",
    "wording",
}
"""A module of one of these names decides, wherever it is; so does one whose docstring promises
it with the word Pure. Both are held to it here."""

MUST_EXIST = frozenset({"ops.plan", "ops.escapes", "ops.quantities", "ops.cli.grammar"})

AWS_AND_HOSTS = {"boto3", "botocore", "fabric", "invoke", "paramiko"}
NETWORK = {"asyncio", "http", "requests", "socket", "ssl", "urllib", "urllib3"}
OUTSIDE = AWS_AND_HOSTS | NETWORK | {"multiprocessing", "secrets", "subprocess", "time"}
CLOCKS = frozenset(["now", "utcnow", "today", "time", "monotonic", "perf_counter", "urandom"])


def _decides(module: Module) -> bool:
    docstring = ast.get_docstring(module.tree) or ""
    by_name = module.name.rpartition(".")[2] in DECIDING_NAMES
    promised = any(word in docstring for word in ("Pure.", "Pure:", "(pure)"))
    return module.name in MUST_EXIST or by_name or promised


DECIDING = sorted(name for name, module in modules("ops").items() if _decides(module))


def test_the_deciding_modules_are_there() -> None:
    assert set(DECIDING) >= MUST_EXIST


@pytest.mark.parametrize("name", DECIDING)
def test_a_deciding_module_reaches_nothing_outside(name: str) -> None:
    imported = {other.split(".")[0] for other in modules("ops")[name].imports()}
    assert imported & OUTSIDE == set()


@pytest.mark.parametrize("name", DECIDING)
def test_a_deciding_module_reads_no_clock(name: str) -> None:
    assert list(_clock_reads(modules("ops")[name])) == []


def _clock_reads(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in CLOCKS:
            yield f"{module.path}:{called.lineno}: {ast.unparse(called)}()"
