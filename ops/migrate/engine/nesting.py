"""Whether source and target are one folder, or lie in each other: then nothing is moved."""

from __future__ import annotations

from ops.errors import Refused
from ops.inventory.schema import FileSet
from ops.migrate.both import at_once
from ops.migrate.engine.ends import Ends
from ops.remote.command import script
from ops.remote.host import Host

# What runs in containers has a boot id in common: only with the folder's numbers does it tell.
_CHAIN = """
cat /proc/sys/kernel/random/boot_id
near=$1
while [ ! -d "$near" ]; do near=$(dirname -- "$near"); done
[ "$near" = "$1" ] && echo here || echo above
cd -P -- "$near" && while :; do
    stat -c %d:%i .
    [ "$(pwd -P)" != / ] && cd -P .. || exit 0
done
"""


def check(ends: Ends, data: FileSet) -> None:
    """Raise Refused when one root is the other, or lies in it, on the same machine."""
    here, there = at_once(
        lambda: _chain(ends.source, data.source.root, as_root=ends.source_root),
        lambda: _chain(ends.target, data.target.root, as_root=ends.target_root),
    )
    if said := nested(here, there):
        raise Refused(
            f"{ends.source.name}:{data.source.root} and {ends.target.name}:{data.target.root} "
            f"are on one machine, and {said}",
            "Move to a folder of its own.",
        )


def nested(here: list[str], there: list[str]) -> str:
    """Return how the two lie in each other, "" when they don't.

    Each begins with the machine, and whether the root is there; then come the folder and those
    above it.
    """
    if len(here) < 3 or len(there) < 3 or here[0] != there[0] or here[1] != "here":
        return ""
    if here[2] in there[2:]:
        inside = there[1] == "above" or here[2] != there[2]
        return "the target lies in the source" if inside else "both are the same folder"
    if there[1] == "here" and there[2] in here[2:]:
        return "the source lies in the target"
    return ""


def _chain(host: Host, root: str, *, as_root: bool) -> list[str]:
    result = host.run(script(_CHAIN, root, root=as_root), check=False)
    return result.out.decode("utf-8", "replace").splitlines()
