"""The ground that volumes are restored on: an instance that runs, its host connected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from ops import run
from ops.backup.restore_volume import Ground, sweep
from ops.cloud import instances, tags, volumes
from ops.errors import OpsError

if TYPE_CHECKING:
    from ops.cloud.calls import Wait
    from ops.inventory.repository import Repository


@contextmanager
def ground(
    repo: Repository, where: tuple[str, str], by: str, of: str, patience: Wait | None
) -> Iterator[Ground]:
    """Give the instance `where` (component, slot) for what run `by` restores of component `of`.

    Raise OpsError when it does not run.
    """
    component, slot = where
    recorded = repo.state(component).instances.get(slot)
    place = f"{component}/{slot}"
    with ExitStack() as stack:
        cloud = run.cloud(repo)
        stack.callback(cloud.close)
        seen = instances.get(cloud, recorded.id) if recorded else None
        if seen is None or seen.state != "running":
            raise OpsError(
                f"the instance {place} does not run: nothing can be restored on it",
                f"Start it, or make it anew: fab provision app={component}",
            )
        host = stack.enter_context(run.host(repo, component, "cloud", slot))
        yield Ground(cloud, host, seen.id, seen.zone, place, by, of, patience)


def swept(repo: Repository, component: str, by: str, patience: Wait | None) -> list[str]:
    """Remove what restores that were killed left on a component's own instances; return its ids.

    Only who holds the component's lock may ask for it. Instances that don't run are left out.
    """
    gone: list[str] = []
    places = {f"{component}/{slot}": slot for slot in repo.state(component).instances}
    if not places:
        return gone
    cloud = run.cloud(repo)
    try:
        left = volumes.find(cloud, {tags.DRILL: tags.ANY, tags.SLOT: list(places)})
    finally:
        cloud.close()
    for place in sorted({one.tags[tags.SLOT] for one in left if one.state != "deleted"}):
        where = (component, places[place])
        with suppress(OpsError), ground(repo, where, by, component, patience) as found:
            gone += sweep(found)
    return gone
