"""References of a component to what lies outside its file: nothing may point to nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ops.inventory.document import Document
from ops.inventory.patterns import BadPattern, Pattern
from ops.inventory.problems import Problem
from ops.inventory.schema import Backup, Component, Dangling, FileSet, Hook, Site

_DATABASE_HOOKS = ("dump", "load", "digest")


def dangling(component: Component, site: Site, names: Collection[str]) -> Iterator[Dangling]:
    """Yield every reference to no component, gateway or zone."""
    for index, name in enumerate(component.depends):
        if name not in names:
            yield Dangling(("depends", index), name, tuple(names))
    for slot, host in component.source.hosts.items() if component.source else ():
        if host.gateway is not None and host.gateway not in site.ssh.gateways:
            known = tuple(site.ssh.gateways)
            yield Dangling(("source", "hosts", slot, "gateway"), host.gateway, known)
    for slot, instance in component.target.instances.items() if component.target else ():
        if instance.zone not in site.cloud.zones:
            known = tuple(site.cloud.zones)
            yield Dangling(("target", "instances", slot, "zone"), instance.zone, known)
        for index, zone in enumerate(instance.other_zones):
            if zone not in site.cloud.zones:
                path = ("target", "instances", slot, "other_zones", index)
                yield Dangling(path, zone, tuple(site.cloud.zones))


def missing_templates(
    document: Document, component: Component, folders: Collection[Path]
) -> Iterator[Problem]:
    """Yield a problem for each template and hook that is in none of `folders`."""
    for path, template in _templates(component):
        if not any((folder / template).is_file() for folder in folders):
            where = " or ".join(str(folder) for folder in folders)
            yield document.problem(path, f"there is no file {template} in {where}")


def bad_patterns(document: Document, component: Component) -> Iterator[Problem]:
    """Yield a problem for each exclude pattern outside the pattern language."""
    for name, data in component.data.items():
        for index, text in enumerate(data.exclude if isinstance(data, FileSet) else ()):
            try:
                Pattern(text)
            except BadPattern as error:
                path = ("data", name, "exclude", index)
                yield document.problem(path, f"{text}: {error}")


def shared_roots(document: Document, component: Component) -> Iterator[Problem]:
    """Yield a problem for each data set whose files would go where another one's go."""
    taken: dict[tuple[str, str], str] = {}
    for name, data in component.data.items():
        if isinstance(data, FileSet):
            first = taken.setdefault((data.target.host, data.target.root), name)
            if first != name:
                words = f"{data.target.root} is the root of {first} already: give each its own"
                yield document.problem(("data", name, "target", "root"), words)


def circle(depends: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return components that depend on each other in a circle, the first one twice; or none."""
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> tuple[str, ...]:
        if name in trail:
            return (*trail[trail.index(name) :], name)
        if name in done:
            return ()
        done.add(name)
        below = depends.get(name, ())
        return next((found for other in below if (found := walk(other, (*trail, name)))), ())

    return next((found for name in sorted(depends) if (found := walk(name, ()))), ())


def _templates(component: Component) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for index, file in enumerate(component.target.files if component.target else ()):
        yield ("target", "files", index, "template"), file.template
    for name, data in component.data.items():
        if not isinstance(data, FileSet):
            for hook in _DATABASE_HOOKS:
                yield ("data", name, hook, "script"), getattr(data, hook).script
    for path, listed in _hooks(component.backup) if component.backup else ():
        for index, hook_script in enumerate(listed):
            yield ("backup", *path, index, "script"), hook_script.script


def _hooks(policy: Backup) -> Iterator[tuple[tuple[str, ...], list[Hook]]]:
    yield ("before",), policy.before
    yield ("after",), policy.after
    yield ("check",), policy.check
    if policy.archive:
        yield ("archive", "check"), policy.archive.check
