"""The files that an instance is to have, rendered from the inventory's templates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ops.inventory.schema import Component, Site
from ops.pages.render import render
from ops.provision.desired import File


def files(
    folders: Sequence[Path], site: Site, name: str, declared: Component, slot: str
) -> tuple[File, ...]:
    """Return the declared files of a slot, with their contents.

    Templates see `component` (its name), `slot`, `declared` (the component's file) and `site`;
    of secrets only where they are. Raise OpsError with file and line when a template fails.
    """
    target = declared.target
    return tuple(
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
        for file in (target.files if target else ())
    )
