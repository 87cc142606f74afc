"""The modules of this project and who imports whom, read from their sources."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name, its path from the project, its tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Return whether this is the __init__ of a package."""
        return self.path.name == "__init__.py"

    def imports(self) -> Iterator[str]:
        """Yield the dotted name of everything imported, at any depth, for types too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{self._origin(node)}.{alias.name}" for alias in node.names)

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        above = parts[: len(parts) - node.level + self.is_package]
        return ".".join([*above, node.module] if node.module else above)


@cache
def modules(top: str) -> dict[str, Module]:
    """Return the modules below a folder of the project by their dotted names."""
    return {module.name: module for module in map(_module, tracked(f"{top}/*.py"))}


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git knows, or would add, as paths from the project."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(words, cwd=PROJECT, check=True, capture_output=True).stdout
    paths = [Path(name) for name in listed.decode().split("\0") if name]
    return [path for path in paths if (PROJECT / path).is_file()]


def inside(top: str, module: Module) -> set[str]:
    """Return the modules below `top` that `module` imports from; of a package its __init__."""
    known = modules(top)
    found = set()
    for name in module.imports():
        while name and name not in known:
            name = name.rpartition(".")[0]  # noqa: PLW2901 - up to the module that holds it
        if name and name != module.name:
            found.add(name)
    return found


def _module(path: Path) -> Module:
    tree = ast.parse((PROJECT / path).read_bytes(), str(path))
    parts = path.with_suffix("").parts
    return Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path, tree)
