"""Imports go one way, as the house's map in CONTRIBUTING.md has it."""

from __future__ import annotations

from tests.structure.modules import inside, modules

RUNGS = (
    {"errors", "escapes", "quantities"},
    {"plan", "known_hosts"},
    {"pages", "inventory", "remote", "cloud"},
    {"run"},
    {"verify", "names", "probes", "reserve"},
    {"provision", "backup", "migrate"},
    {"ready"},
    {"fleet"},
    {"web", "lab"},
    {"cli"},
)
"""What a rung holds may import from the rungs before it, never from its own."""

NARROW = {"lab": {"errors", "escapes", "quantities", "plan", "inventory", "remote"}}
"""Packages that may import less than their rung."""


def test_every_package_has_its_rung() -> None:
    assert {_package(name) for name in modules("ops") if name != "ops"} <= set().union(*RUNGS)


def test_packages_import_from_lower_rungs_only() -> None:
    assert [edge for edge in _edges() if not _allowed(*edge)] == []


def test_nothing_below_imports_the_task_tree() -> None:
    wrong = [
        module.name
        for module in modules("ops").values()
        if any(name.split(".")[0] in ("fabfile", "tests") for name in module.imports())
    ]
    assert wrong == []


def test_no_module_imports_itself_through_others() -> None:
    graph = {name: inside("ops", module) for name, module in modules("ops").items()}
    assert _cycles(graph) == []


def _edges() -> list[tuple[str, str]]:
    return [
        (module.name, other)
        for module in modules("ops").values()
        for other in inside("ops", module)
        if other != "ops" and _package(other) != _package(module.name)
    ]


def _allowed(importer: str, imported: str) -> bool:
    ours, theirs = _package(importer), _package(imported)
    if ours in NARROW and theirs not in NARROW[ours]:
        return False
    return _rung(theirs) < _rung(ours)


def _package(name: str) -> str:
    return name.split(".")[1]


def _rung(package: str) -> int:
    return next(number for number, rung in enumerate(RUNGS) if package in rung)


def _cycles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the groups of modules that import each other: take away what imports nothing left."""
    left = {name: set(others) for name, others in graph.items()}
    while loose := {name for name, others in left.items() if not others & left.keys()}:
        for name in loose:
            del left[name]
    return [set(left)] if left else []
