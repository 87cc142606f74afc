"""What people declare: site.yaml and the components, read as far as asked."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ops.errors import OpsError, UsageError
from ops.inventory import document, links, validation
from ops.inventory.problems import Broken, Problem, nearest
from ops.inventory.schema import Component, Prices, Site

_LARGEST = 8_000_000
"""Bytes of a file; what is larger was put there by mistake."""
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,40}\Z")


@dataclass(frozen=True)
class Declared:
    """An inventory at `path`; `project` is the suite's own folder, for templates and sample."""

    path: Path
    project: Path

    @property
    def var(self) -> Path:
        """Return the folder outside git for journals, locks, manifests, samples, keys."""
        return self.path / "var"

    def template(self, name: str) -> Path:
        """Return the file of a template: the inventory's own, else the suite's."""
        for folder in self.template_folders():
            if (folder / name).is_file():
                return folder / name
        raise OpsError(f"there is no template {name}", f"Put it into {self.path / 'templates'}.")

    def template_folders(self) -> list[Path]:
        """Return where templates are looked for, the first first."""
        return [self.path / "templates", self.project / "templates"]

    @cached_property
    def _site(self) -> Site:
        return validation.value(self._document("site.yaml"), Site)

    def site(self) -> Site:
        """Return site.yaml. Raise Broken with all that is wrong with it."""
        return self._site

    def prices(self) -> Prices | None:
        """Return prices.yaml, None without one. Raise Broken with all that is wrong with it."""
        if not (self.path / "prices.yaml").exists():
            return None
        return validation.value(self._document("prices.yaml"), Prices)

    def names(self) -> list[str]:
        """Return the names of all components, sorted; their files are not read."""
        return sorted(path.stem for path in self._component_files() if _SLUG.match(path.stem))

    def component(self, name: str, names: Collection[str] = ()) -> Component:
        """Return one component; only its file and site.yaml are read.

        `names` are those of all components, from a caller who asks for many. Raise UsageError
        with the nearest name when there is none, Broken when its file is wrong.
        """
        return self._component(name, names or self.names())

    def components(self) -> dict[str, Component]:
        """Return all components by name. Raise Broken with the problems of all files."""
        found, problems = self._all()
        if problems:
            raise Broken(problems)
        return found

    def source(self, name: str) -> str:
        """Return the text of a component's file, comments and all."""
        return (self.path / "components" / f"{name}.yaml").read_bytes().decode()

    def problems(self) -> list[Problem]:
        """Return all that is wrong with the inventory; nothing when it can be used."""
        return self._all()[1]

    def _component_files(self) -> list[Path]:
        try:
            found = list((self.path / "components").iterdir())  # a glob would hide what is barred
        except FileNotFoundError:
            return []
        return sorted(path for path in found if path.match("[!.]*.yaml"))

    def _component(self, name: str, names: Collection[str]) -> Component:
        if name not in names:
            raise UsageError(f"there is no component {name}{nearest(name, names)}")
        return self.check(self._document(f"components/{name}.yaml"), names)

    def check(self, read: document.Document, names: Collection[str] = ()) -> Component:
        """Return the component that a file's document is. Raise Broken with all its faults."""
        component = validation.value(read, Component)
        outside = links.dangling(component, self.site(), names or self.names())
        problems = [
            *validation.dangling(read, component.dangling()),
            *validation.dangling(read, outside),
            *links.missing_templates(read, component, self.template_folders()),
            *links.bad_patterns(read, component),
            *links.shared_roots(read, component),
        ]
        if problems:
            raise Broken(problems)
        return component

    def _all(self) -> tuple[dict[str, Component], list[Problem]]:
        names = self.names()
        found: dict[str, Component] = {}
        problems = list(self._strays())
        try:
            self.prices()
        except Broken as error:
            problems += error.problems
        try:
            self.site()
        except Broken as error:
            return found, [*problems, *error.problems, *self._without_site(names)]
        for name in names:
            try:
                found[name] = self._component(name, names)
            except Broken as error:
                problems += error.problems
        return found, sorted([*problems, *_circles(found)])

    def _without_site(self, names: Iterable[str]) -> Iterator[Problem]:
        for name in names:
            try:
                validation.value(self._document(f"components/{name}.yaml"), Component)
            except Broken as error:
                yield from error.problems

    def _strays(self) -> Iterator[Problem]:
        for path in sorted((self.path / "components").glob("[!.]*")):
            name = str(path.relative_to(self.path))
            if path.suffix == ".yaml" and not _SLUG.match(path.stem):
                words = f"{path.stem} is no name for a component: lower case, digits and dashes"
                yield Problem(name, 1, 1, words)
            elif path.suffix == ".yml":
                yield Problem(name, 1, 1, f"is not read: call it {path.stem}.yaml")

    def _document(self, name: str) -> document.Document:
        return document.read(_content(self.path / name, name), name)


def _content(path: Path, name: str) -> bytes:
    """Return what is in the file. Raise Broken when it is none that can be read."""
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= _LARGEST:
            return path.read_bytes()
        words = "is no file" if found.st_size <= _LARGEST else f"is larger than {_LARGEST} bytes"
    except OSError as error:
        words = f"can't be read: {os.strerror(error.errno or 0)}"
    raise Broken([Problem(name, 1, 1, words)])


def _circles(found: Mapping[str, Component]) -> Iterator[Problem]:
    circle = links.circle({name: component.depends for name, component in found.items()})
    if circle:
        words = f"depends goes in a circle: {' -> '.join(circle)}"
        yield Problem(f"components/{circle[0]}.yaml", 1, 1, words)
