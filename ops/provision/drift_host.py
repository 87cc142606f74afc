"""Drift inside one host: what a provisioning would do there, told as what is found. Pure.

The steps come from the plan of the inside, so that drift and plan never disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from ops.errors import OpsError, Refused
from ops.plan import Step
from ops.provision import interior
from ops.provision.desired import Desired
from ops.provision.drift import Finding, Sight, finding, provision
from ops.provision.observed import Host
from ops.provision.storage import Disk

_RIGHT = "puts it right"


def findings(sight: Sight) -> Iterator[Finding]:
    """Yield what is not inside the host as declared; none where the host could not be asked."""
    slot, host = sight.slot, sight.slot.host
    if sight.refused:
        yield _stranger(sight)
    if host is None:
        return
    steps, refusals = _steps(sight, host)
    for step in steps:
        yield from _TOLD.get(step.kind, _other)(slot.desired, host, step)
    for words, todo in refusals.items():
        subject = f"inside {slot.desired.host}"
        yield finding(slot.desired, "host", subject, "as declared", words, todo=todo)


def _steps(sight: Sight, host: Host) -> tuple[list[Step], dict[str, str]]:
    """Return the steps that are needed, and what a person must look at: message and hint.

    Where a volume is refused, the rest is planned without volumes: nothing is hidden by it.
    """
    desired, disks = sight.slot.desired, _disks(sight)
    found: dict[tuple[str, str], Step] = {}
    refusals: dict[str, str] = {}
    for seen in (disks, {}):
        try:
            for step in interior.plan(_with_volumes(desired, seen), host, seen):
                found[step.kind, step.subject] = step
            break
        except OpsError as error:
            refusals[error.message] = error.hint or "Look at the host by hand."
    return list(found.values()), refusals


def _disks(sight: Sight) -> dict[str, Disk]:
    """Return the declared volumes that the host may see; where AWS contradicts itself none."""
    try:
        found = sight.slot.machine().disks
    except Refused:
        return {}
    return {name: disk for name, disk in found.items() if disk.attached}


def _with_volumes(desired: Desired, names: Mapping[str, Disk]) -> Desired:
    volumes = {name: one for name, one in desired.volumes.items() if name in names}
    return replace(desired, instance=desired.instance.model_copy(update={"volumes": volumes}))


def _stranger(sight: Sight) -> Finding:
    desired = sight.slot.desired
    todo = (
        f"Nothing was sent to it. If {desired.host} was rebuilt on purpose, compare the key with "
        "its console output and pin the new one in known_hosts; else ask who answers there."
    )
    return finding(desired, "host key", desired.host, "the pinned one", sight.refused, todo=todo)


def _packages(desired: Desired, _: Host, step: Step) -> Iterator[Finding]:
    names = step.arguments["packages"]
    for name in names if isinstance(names, list) else ():
        todo = provision(desired, "installs it")
        yield finding(desired, "package", str(name), "installed", "not installed", todo=todo)


def _file(desired: Desired, host: Host, step: Step) -> Iterator[Finding]:
    path = str(step.arguments["path"])
    there = host.files.get(path)
    files = (*desired.files, *filter(None, [desired.apt_list()]))
    declared = next(one for one in files if one.path == path)
    wanted = f"{declared.owner}:{declared.group} {declared.mode}"
    differs = interior.differences(declared, there) if there else []
    found = f"differs: {', '.join(differs)}" if there else "missing"
    yield finding(desired, "file", path, wanted, found, todo=provision(desired, "writes it anew"))


_SERVICES = {
    "service.enable": ("enabled at each boot", "not enabled"),
    "service.disable": ("not enabled", "enabled"),
    "service.start": ("running", "not running"),
    "service.stop": ("stopped", "running"),
    "service.restart": ("running as declared", "not restarted since its files changed"),
}


def _service(desired: Desired, host: Host, step: Step) -> Iterator[Finding]:
    name = str(step.arguments["name"])
    declared, found = _SERVICES[step.kind]
    unit = host.units.get(name)
    if unit is None or unit.load == "not-found":
        found = "no such unit"
    elif step.kind == "service.start":
        found = unit.active
    elif step.kind == "service.restart":
        found = step.words.partition(", ")[2] or found
    yield finding(desired, "service", name, declared, found, todo=provision(desired, _RIGHT))


def _mount(desired: Desired, host: Host, step: Step) -> Iterator[Finding]:
    path = str(step.arguments["path"])
    there = host.mounts.get(path)
    mounted = there is not None and bool(there.number)
    found = "fstab has another line for it" if mounted else "not mounted"
    wanted = f"{step.arguments['volume']} mounted, also at boot"
    yield finding(desired, "mount", path, wanted, found, todo=provision(desired, "mounts it"))


def _filesystem(desired: Desired, _: Host, step: Step) -> Iterator[Finding]:
    todo = provision(desired, "makes it")
    words = (str(step.arguments["type"]), "an empty volume")
    yield finding(desired, "volume", str(step.arguments["volume"]), *words, todo=todo)


def _account(desired: Desired, host: Host, step: Step) -> Iterator[Finding]:
    name = str(step.arguments["name"])
    differs = step.words.partition(", differs: ")[2]
    found = f"differs: {differs}" if name in host.accounts else "none"
    yield finding(desired, "account", name, "as declared", found, todo=provision(desired, _RIGHT))


def _zone(desired: Desired, host: Host, step: Step) -> Iterator[Finding]:
    wanted, found = str(step.arguments["zone"]), host.time_zone or "none"
    todo = provision(desired, "sets it")
    yield finding(desired, "changed", "time zone", wanted, found, todo=todo)


def _other(desired: Desired, _: Host, step: Step) -> Iterator[Finding]:
    todo = provision(desired, _RIGHT)
    words = ("as declared", f"needs: {step.words}")
    yield finding(desired, "host", step.subject, *words, todo=todo)


_TOLD: Mapping[str, Callable[[Desired, Host, Step], Iterator[Finding]]] = {
    "packages.install": _packages,
    "file.write": _file,
    "mount.set": _mount,
    "filesystem.make": _filesystem,
    "user.set": _account,
    "zone.set": _zone,
    **dict.fromkeys(_SERVICES, _service),
}
