"""All that a lab leaves on its machine, found by its id and its folder, whoever crashed.

Nothing is looked up in a list that a crash could have cut short: processes carry the id in
their environment or sit in the lab's control groups, namespaces and interfaces have it in
their names, mounts and loop devices lie below the lab's folder.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from ops.errors import OpsError
from ops.lab import cgroups, freezing, hosts, mounts, network, processes, volumes
from ops.lab.programs import attempt, call
from ops.lab.record import Lab


def found(lab: Lab) -> list[str]:
    """Return a line for each thing of the lab that is on the machine outside its folder."""
    return [
        *(f"process {pid}" for pid in _processes(lab)),
        *(f"mount {place}" for place in _mounts(lab.path)),
        *(f"loop device {device}" for device in volumes.loops(lab.path)),
        *(f"network namespace {name}" for name in _namespaces(lab)),
        *(f"interface {name}" for name in _interfaces(lab)),
        *(f"control group {group}" for group in cgroups.of_lab(lab.id) if group.is_dir()),
    ]


def remove(lab: Lab, *, keep_inventory: bool = False) -> None:
    """End and remove everything of the lab, then its folder (but the inventory, if kept).

    Raise OpsError when something stays; the lab's record stays too, so it can be run again.
    """
    for _ in range(3):
        for step in _STEPS:
            step(lab)
        if not found(lab):
            break
    left = found(lab)
    if left:
        raise OpsError(f"the lab {lab.id} is not all gone: {', '.join(left)}", "run it again")
    _remove_folder(lab, keep_inventory=keep_inventory)


def _end_processes(lab: Lab) -> None:
    """End the daemon first, so that nothing new starts; thaw, so that all can end."""
    processes.end(processes.tagged(lab.id))
    pids = _processes(lab)
    freezing.thaw(pids)
    processes.end(pids)


def _unmount(lab: Lab) -> None:
    for place in reversed(_mounts(lab.path)):
        hosts.unmount(Path(place))


def _detach_loops(lab: Lab) -> None:
    for device in volumes.loops(lab.path):
        attempt("losetup", "--detach", str(device))


def _remove_network(lab: Lab) -> None:
    for name in _namespaces(lab):
        network.remove_namespace(name)
    for name in _interfaces(lab):
        attempt("ip", "link", "delete", name)


def _remove_groups(lab: Lab) -> None:
    for group in cgroups.of_lab(lab.id):
        cgroups.remove(group)
    hosts.forget_machines(lab.id)


_STEPS: list[Callable[[Lab], None]] = [
    _end_processes,
    _unmount,
    _detach_loops,
    _remove_network,
    _remove_groups,
]


def _processes(lab: Lab) -> list[int]:
    pids = set(processes.tagged(lab.id)) | set(processes.recorded(lab.path))
    for group in cgroups.of_lab(lab.id):
        pids |= set(cgroups.members(group))
    return sorted(pids)


def _mounts(folder: Path) -> list[str]:
    return [one.place for one in mounts.seen_by("self") if one.place.startswith(f"{folder}/")]


def _namespaces(lab: Lab) -> list[str]:
    return network.of_lab(lab.id) if lab.kind == "full" else []


def _interfaces(lab: Lab) -> list[str]:
    if lab.kind == "light":
        return []
    lines = call("ip", "-oneline", "link", "show").decode().splitlines()
    names = [line.split(":")[1].strip().partition("@")[0] for line in lines]
    return [name for name in names if name.startswith(f"o{lab.id}")]


def _remove_folder(lab: Lab, *, keep_inventory: bool) -> None:
    for path in lab.path.iterdir():
        if (keep_inventory and path == lab.inventory) or path.name == "lab.json":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (lab.path / "lab.json").unlink()
    with contextlib.suppress(OSError):
        lab.path.rmdir()
