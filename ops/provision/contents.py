"""The files that an instance is to have, rendered from the inventory's templates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ops.errors import OpsError
from ops.inventory.schema import Component, Hook, Site
from ops.pages.render import render
from ops.provision import firewall
from ops.provision.desired import File

HOOKS = "/usr/local/lib/ops/hooks"
"""Where the component's hooks lie on its hosts, each under the name of its script."""


def files(
    folders: Sequence[Path], site: Site, name: str, declared: Component, slot: str
) -> tuple[File, ...]:
    """Return the declared files of a slot, with their contents.

    Templates see `component` (its name), `slot`, `declared` (the component's file) and `site`;
    of secrets only where they are. Raise OpsError with file and line when a template fails.
    """
    target = declared.target
    if target is None:
        return ()
    own = [*_hooks(folders, declared, slot)]
    if target.firewall:
        instance, port = target.instances[slot], site.ssh.cloud.port
        own.append(firewall.file(folders, f"{name}.cloud.{slot}", instance, port))
    rendered = tuple(
        File(
            file.path,
            render(
                file.template, folders, component=name, slot=slot, declared=declared, site=site
            ).encode(),
            file.owner,
            file.group,
            file.mode,
            tuple(file.restarts),
        )
        for file in target.files
    )
    return (*own, *rendered)


def _hooks(folders: Sequence[Path], declared: Component, slot: str) -> Iterator[File]:
    """Yield the scripts that backups of the slot run, as they are: hooks are no templates."""
    volumes = declared.target.instances[slot].volumes if declared.target else {}
    named: list[Hook] = []
    if declared.backup and volumes:
        named += [*declared.backup.before, *declared.backup.after]
    for data in declared.data.values():
        if data.kind == "database" and data.target == slot:
            named += [data.dump, data.load, data.digest]
    for script in dict.fromkeys(hook.script for hook in named):
        yield File(f"{HOOKS}/{script}", _found(folders, script).read_bytes(), mode="0755")


def _found(folders: Sequence[Path], script: str) -> Path:
    for folder in folders:
        if (folder / script).is_file():
            return folder / script
    raise OpsError(f"there is no hook {script}", f"Put it into {folders[0]}.")
