"""A stand-in for AWS and a host that keeps state: what each kind of step makes of it.

It starts bare, or as it is after a provisioning. `slot` is what a survey would find,
`perform` does a step; a kind that it does not know raises. The other methods are what people
and accidents do between two runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ops.cloud import tags
from ops.cloud.groups import EVERYTHING_OUT, Group, Rule
from ops.cloud.images import Image
from ops.cloud.instances import Instance
from ops.cloud.volumes import Volume
from ops.inventory.schema import Component, Site, State, User
from ops.plan import Plan, Step
from ops.provision import recording
from ops.provision.desired import FIREWALL, Desired, File, desire
from ops.provision.facts import link
from ops.provision.interior import entry
from ops.provision.observed import (
    Account,
    Claim,
    Device,
    Host,
    HostFile,
    HostUser,
    Known,
    Mount,
    Unit,
)
from ops.provision.plan import Slot, plan
from ops.provision.settings import keys_text, sudo_text
from ops.provision.storage import filesystem_uuid

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICpYAhoQQmHhjv2dIE7ZSSsaXFRqgpnHEWheZm64ECNV"
IMAGE = Image("ami-0debedeb1200debed", "debian", "x86_64", "available", "1", "/dev/xvda", 8)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""When all volumes of this world are made."""

SITE = {
    "controller": {"name": "papa.example.edu", "machine_id": ""},
    "ssh": {"campus": {"user": "ops"}, "cloud": {"user": "ops"}},
    "cloud": {
        "region": "us-east-1",
        "zones": ["us-east-1a", "us-east-1b"],
        "credentials": {"profile": "ops"},
        "image": "ami-0debedeb1200debed",
        "public_key": "file:~/.ssh/id.pub",
    },
    "signing": {"key": "file:key", "principal": "ops@example.edu"},
}


def site(**changes: object) -> Site:
    """Return a valid site, with these values of its own."""
    return Site.model_validate({**SITE, **changes})


def component(target: Mapping[str, Any]) -> Component:
    """Return a component with this target."""
    return Component.model_validate(
        {"description": "a wiki", "owner": "web team", "target": dict(target)}
    )


class World:
    """AWS and the host of one slot."""

    def __init__(self, target: Mapping[str, Any], **site_changes: object) -> None:
        declared = component(target)
        files = tuple(
            File(f.path, b"declared\n", f.owner, f.group, f.mode, tuple(f.restarts))
            for f in (declared.target.files if declared.target else ())
        )
        slot = next(iter(declared.target.instances if declared.target else ()))
        self.desired: Desired = desire(
            site(**site_changes), "wiki", declared, slot, public_key=f"{KEY} papa", files=files
        )
        self.state = State.model_validate({})
        self.account = Account(image=IMAGE)
        self.host: Host | None = None
        self.pinned = ""
        self.kept: set[int] = set()
        self.claims: list[Claim] = []
        self._made = 0
        self._devices: Mapping[str, Device] = {}

    # -- what a survey finds

    def slot(self) -> Slot:
        """Return the slot as it is now."""
        recorded = self.state.instances.get(self.desired.slot)
        known = Known(recorded, self.pinned, frozenset(self.kept), tuple(self.claims))
        slot = Slot(self.desired, self.account, known)
        decided = slot.machine()
        running = decided.instance is not None and decided.instance.state == "running"
        return slot if decided.fresh or not running else replace(slot, host=self.host)

    def plan(self) -> Plan:
        """Return the plan as things are now."""
        return plan("wiki", [self.slot()])

    def carry_out(self, decided: Plan) -> None:
        """Perform all steps; the state follows as in a run."""
        for step in decided.steps:
            self.do(step)
        slots = [self.desired.slot]
        self.state = recording.ready(self.state, slots)

    def do(self, step: Step) -> None:
        """Perform one step and fold it into the state."""
        facts = getattr(self, f"_do_{step.kind.replace('.', '_')}")(step.arguments) or {}
        self.state = recording.fold(self.state, step, facts)

    # -- steps

    def _do_group_make(self, told: Mapping[str, Any]) -> None:
        rules = frozenset({EVERYTHING_OUT})
        own = self.desired.tags
        group = Group("sg-1", self.desired.group, "vpc-1", "", rules, own)
        self.account = replace(self.account, group=group)

    def _do_rule_open(self, told: Mapping[str, Any]) -> None:
        self._set_rules(lambda rules: rules | {_rule(told)})

    def _do_rule_close(self, told: Mapping[str, Any]) -> None:
        self._set_rules(lambda rules: rules - {_rule(told)})

    def _do_key_import(self, told: Mapping[str, Any]) -> None:
        self.account = replace(self.account, key=told["key"])

    def _do_instance_make(self, told: Mapping[str, Any]) -> dict[str, object]:
        generation = told["generation"]
        made = _instance(f"i-{generation}", told, {**self.desired.tags, tags.GENERATION: "1"})
        made = replace(made, tags={**made.tags, tags.GENERATION: str(generation)})
        self.account = replace(self.account, instances=(*self.account.instances, made))
        self.kept.add(generation)
        return {**_facts(made), "generation": generation, "group": "sg-1"}

    def _do_instance_start(self, told: Mapping[str, Any]) -> dict[str, object]:
        self._set_instance(state="running", public_address="198.51.100.9")
        return _facts(self._instance())

    def _do_volume_make(self, told: Mapping[str, Any]) -> dict[str, object]:
        self._made += 1
        self.add_volume({"id": f"vol-{self._made}", "name": told["volume"]})
        return {"id": f"vol-{self._made}", "size_gib": told["size_gib"], "created_by": "run-1"}

    def _do_volume_attach(self, told: Mapping[str, Any]) -> None:
        volume_id = told["id"] or self._recorded_volume(told["volume"])
        self._set_volume(volume_id, instance=self._instance().id, device=told["device"])

    def _do_host_await(self, told: Mapping[str, Any]) -> dict[str, object]:
        self.host = self.host or Host()
        seen = {one.id: Device(f"8:{n}", True) for n, one in enumerate(self.account.volumes)}
        self.host = replace(self.host, devices={**seen, **self._devices, **self.host.devices})
        return _facts(self._instance())

    def _do_key_renew(self, told: Mapping[str, Any]) -> dict[str, object]:
        self.pinned = f"SHA256:{self._instance().id}"
        self.kept.clear()
        return {"host_key": self.pinned}

    def _do_filesystem_make(self, told: Mapping[str, Any]) -> None:
        volume_id = told["id"] or self._recorded_volume(told["volume"])
        if not self._host().devices[volume_id].blank:
            raise AssertionError("formatted a volume that is not empty")
        self.format({"id": volume_id, "type": told["type"], "uuid": filesystem_uuid(volume_id)})

    def _do_mount_set(self, told: Mapping[str, Any]) -> None:
        volume_id = told["id"] or self._recorded_volume(told["volume"])
        line = entry(volume_id, self.desired.volumes[told["volume"]])
        mount = Mount(self._host().devices[volume_id].number, False, line)
        self.host = replace(self._host(), mounts={**self._host().mounts, told["path"]: mount})

    def _do_packages_install(self, told: Mapping[str, Any]) -> None:
        new = dict.fromkeys(told["packages"], "1")
        self.host = replace(self._host(), packages={**self._host().packages, **new})

    def _do_file_write(self, told: Mapping[str, Any]) -> None:
        there = HostFile("regular file", told["owner"], told["group"], told["mode"], told["sha256"])
        host = self._host()
        files = {**host.files, told["path"]: there}
        self.host = replace(host, files=files, restarts=host.restarts | set(told["restarts"]))

    def _do_zone_set(self, told: Mapping[str, Any]) -> None:
        self.host = replace(self._host(), time_zone=told["zone"])

    def _do_user_set(self, told: Mapping[str, Any]) -> None:
        user = User.model_validate({**_without(told, "slot")})
        made = HostUser(
            user.shell,
            frozenset({*user.groups, user.name}),
            _digest(keys_text(user)),
            _digest(sudo_text(user)),
        )
        self.host = replace(self._host(), accounts={**self._host().accounts, user.name: made})

    def _do_service_enable(self, told: Mapping[str, Any]) -> None:
        self._set_unit(told["name"], enabled="enabled")

    def _do_service_disable(self, told: Mapping[str, Any]) -> None:
        self._set_unit(told["name"], enabled="disabled")

    def _do_service_start(self, told: Mapping[str, Any]) -> None:
        self._set_unit(told["name"], active="active")
        self.host = replace(self._host(), filtered=told["name"] == FIREWALL)

    def _do_service_stop(self, told: Mapping[str, Any]) -> None:
        self._set_unit(told["name"], active="inactive")

    def _do_service_restart(self, told: Mapping[str, Any]) -> None:
        self._set_unit(told["name"], active="active")
        left = self._host().restarts - {told["name"]}
        self.host = replace(self._host(), restarts=left)
        if told["name"] == FIREWALL:
            self.host = replace(self.host, filtered=True)

    def _do_address_give(self, told: Mapping[str, Any]) -> dict[str, object]:
        self.account = replace(self.account, elastic_ip="203.0.113.7")
        self._set_instance(public_address="203.0.113.7")
        return _facts(self._instance())

    def _do_state_record(self, told: Mapping[str, Any]) -> dict[str, object]:
        new = {
            name: {**one, "size_gib": 1}
            for name, one in told["volumes"].items()
            if not self.state.instances or name not in self._recorded().volumes
        }
        return {**told["seen"], "volumes": new}

    # -- what people and accidents do

    def forget_steps(self, count: int) -> None:
        """Be as a run that was killed left it: `count` steps done, the last not recorded."""
        decided = self.plan()
        for step in decided.steps[: count - 1]:
            self.do(step)
        last = decided.steps[count - 1]
        getattr(self, f"_do_{last.kind.replace('.', '_')}")(last.arguments)
        if last.kind == "volume.make":
            self.claims.append(Claim(str(last.arguments["volume"]), "run-1", NOW))

    def add_volume(self, told: Mapping[str, Any]) -> None:
        """Have a volume with our tags."""
        own = {**self.desired.tags, tags.VOLUME: told["name"]}
        declared = self.desired.volumes.get(told["name"])
        made = Volume(
            id=told["id"],
            state="available",
            zone=told.get("zone", self.desired.instance.zone),
            size_gib=declared.size_gib if declared else 1,
            type=declared.type if declared else "gp3",
            encrypted=True,
            iops=3000,
            throughput=125,
            snapshot=told.get("snapshot", ""),
            instance=told.get("instance", ""),
            device=told.get("device", ""),
            attachment="",
            delete_on_termination=False,
            created=NOW,
            tags=own,
        )
        self.account = replace(self.account, volumes=(*self.account.volumes, made))
        if self.host:
            new = {made.id: Device(f"8:{len(self.host.devices)}", True)}
            self.host = replace(self.host, devices={**self.host.devices, **new})

    def wish(self, told: Mapping[str, Any]) -> None:
        """Have had a run that began to make a volume, and never told which."""
        self.claims.append(Claim(told["volume"], "run-0", told["began"]))

    def move_volume(self, told: Mapping[str, str]) -> None:
        """Have a volume elsewhere, as a fallback to another zone leaves it."""
        self._set_volume(told["id"], zone=told["zone"])

    def lose_volume(self, volume_id: str) -> None:
        """Delete a volume behind our back."""
        left = tuple(one for one in self.account.volumes if one.id != volume_id)
        self.account = replace(self.account, volumes=left)

    def undeclare_volume(self, name: str) -> None:
        """Take a volume from the component's file."""
        left = {one: v for one, v in self.desired.volumes.items() if one != name}
        instance = self.desired.instance.model_copy(update={"volumes": left})
        self.desired = replace(self.desired, instance=instance)

    def format(self, told: Mapping[str, Any]) -> None:
        """Have a file system on a volume."""
        there = self._host().devices[told["id"]]
        uuid = told.get("uuid", "11111111-2222-3333-4444-555555555555")
        made = Device(there.number, False, told["type"], uuid, f"TYPE={told['type']}")
        self.host = replace(self._host(), devices={**self._host().devices, told["id"]: made})

    def wipe(self, volume_id: str) -> None:
        """Have nothing on a volume."""
        there = self._host().devices[volume_id]
        blank = {volume_id: Device(there.number, True)}
        self.host = replace(self._host(), devices={**self._host().devices, **blank})

    def unmount(self, path: str) -> None:
        """Have nothing mounted; the line in fstab stays."""
        there = replace(self._host().mounts[path], number="")
        self.host = replace(self._host(), mounts={**self._host().mounts, path: there})

    def mount_other(self, path: str) -> None:
        """Have another device mounted."""
        there = Mount("9:9", False, "")
        self.host = replace(self._host(), mounts={**self._host().mounts, path: there})

    def fill(self, path: str) -> None:
        """Have files in a folder that nothing is mounted at."""
        there = {path: Mount("", True, "")}
        self.host = replace(self._host(), mounts={**self._host().mounts, **there})

    def remove_package(self, name: str) -> None:
        """Uninstall a package."""
        left = {one: v for one, v in self._host().packages.items() if one != name}
        self.host = replace(self._host(), packages=left)

    def edit(self, told: Mapping[str, str]) -> None:
        """Change a file by hand."""
        there = replace(self._host().files[told["path"]], **_without(told, "path"))
        self.host = replace(self._host(), files={**self._host().files, told["path"]: there})

    def leave_restart(self, name: str) -> None:
        """Die between a file and the restart that it needs."""
        self.host = replace(self._host(), restarts=self._host().restarts | {name})

    def filter_otherwise(self, _: object) -> None:
        """Change the kernel's rules by hand."""
        self.host = replace(self._host(), filtered=False)

    def set_account(self, told: Mapping[str, Any]) -> None:
        """Change an account by hand."""
        there = replace(self._host().accounts[told["name"]], **_without(told, "name"))
        self.host = replace(self._host(), accounts={**self._host().accounts, told["name"]: there})

    def set_zone(self, zone: str) -> None:
        """Set another time zone by hand."""
        self.host = replace(self._host(), time_zone=zone)

    def stop_service(self, name: str) -> None:
        """Stop a service by hand."""
        self._set_unit(name, active="inactive")

    def open_rule(self, told: Mapping[str, Any]) -> None:
        """Open the group by hand."""
        self._do_rule_open(told)

    def close_rule(self, told: Mapping[str, Any]) -> None:
        """Close the group by hand."""
        self._do_rule_close(told)

    def set_volume(self, told: Mapping[str, Any]) -> None:
        """Change a volume in AWS."""
        self._set_volume(told["id"], **_without(told, "id"))

    def repin(self, key: str) -> None:
        """Pin another host key by hand."""
        self.pinned = key

    def set_instance(self, told: Mapping[str, Any]) -> None:
        """Change the newest instance in AWS."""
        self._set_instance(**told)

    def terminate(self, _: object) -> None:
        """End the instance; its data volumes stay, detached."""
        self._set_instance(state="terminated")
        for volume in self.account.volumes:
            self._set_volume(volume.id, instance="", device="")
        devices = self._host().devices
        self.host = None
        self._devices = devices

    def import_other_key(self, key: str) -> None:
        """Have another key under the name of ours."""
        self.account = replace(self.account, key=key)

    def forget_ready(self, _: object) -> None:
        """Die between the last step and the record that all is ready."""
        recorded = self._recorded().model_copy(update={"ready": False})
        self.state = self.state.model_copy(update={"instances": {self.desired.slot: recorded}})

    def forget_volumes(self, _: object) -> None:
        """Know nothing of the volumes."""
        recorded = self._recorded().model_copy(update={"volumes": {}})
        self.state = self.state.model_copy(update={"instances": {self.desired.slot: recorded}})

    def unpin(self, _: object) -> None:
        """Lose the pinned host key."""
        self.pinned = ""

    # -- inner

    def _host(self) -> Host:
        if self.host is None:
            raise AssertionError("nobody can act on a host that is not there")
        return self.host

    def _instance(self) -> Instance:
        return self.account.instances[-1]

    def _recorded(self) -> Any:
        return self.state.instances[self.desired.slot]

    def _recorded_volume(self, name: str) -> str:
        found = [v.id for v in self.account.volumes if v.tags[tags.VOLUME] == name]
        return found[0]

    def _set_rules(self, change: Any) -> None:
        group = self.account.group
        if group is None:
            raise AssertionError("no group")
        self.account = replace(self.account, group=replace(group, rules=change(group.rules)))

    def _set_instance(self, **changes: Any) -> None:
        *before, last = self.account.instances
        self.account = replace(self.account, instances=(*before, replace(last, **changes)))

    def _set_volume(self, volume_id: str, **changes: Any) -> None:
        volumes = tuple(
            replace(one, **changes) if one.id == volume_id else one for one in self.account.volumes
        )
        self.account = replace(self.account, volumes=volumes)

    def _set_unit(self, name: str, **changes: Any) -> None:
        there = self._host().units.get(name, Unit("loaded", "inactive", "disabled"))
        units = {**self._host().units, name: replace(there, **changes)}
        self.host = replace(self._host(), units=units)


def _rule(told: Mapping[str, Any]) -> Rule:
    return Rule(told["protocol"], told["first"], told["last"], told["source"])


def _facts(instance: Instance) -> dict[str, object]:
    return {
        "id": instance.id,
        "type": instance.type,
        "zone": instance.zone,
        "image": instance.image,
        "private_address": instance.private_address,
        "public_address": instance.public_address or None,
        "public_name": instance.public_name or None,
    }


def _instance(instance_id: str, told: Mapping[str, Any], own: Mapping[str, str]) -> Instance:
    return Instance(
        id=instance_id,
        state="running",
        reason="",
        type=told["types"][0],
        zone=told["zones"][0],
        image=told["image"],
        key="ops-controller",
        vpc="vpc-1",
        subnet="subnet-1",
        private_address="10.0.0.5",
        public_address="198.51.100.5",
        private_name="",
        public_name="ec2.example.com",
        groups=("sg-1",),
        profile="",
        token="",
        root_device="/dev/xvda",
        attachments=(),
        metadata_tokens="required",
        launched=None,
        tags=own,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def _without(told: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in names}


__all__ = ["World", "link"]
