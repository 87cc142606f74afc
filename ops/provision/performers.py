"""Performs the steps of a plan: exactly one performer for each kind of step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ops.cloud import addresses, groups, images, instances, keys, tags, volumes, zones
from ops.cloud.errors import THROTTLED, CloudError
from ops.cloud.groups import Rule
from ops.cloud.instances import Instance
from ops.cloud.launch import Launch
from ops.cloud.tokens import token
from ops.errors import Incomplete, OpsError
from ops.plan import Step
from ops.provision import identity, survey
from ops.provision.desired import Desired
from ops.provision.indoors import Indoors
from ops.provision.welcome import BOOT, Welcome, seen
from ops.provision.worksite import Course, Worksite

Facts = Mapping[str, object]
Performer = Callable[[Step], Facts | None]

_NO_CAPACITY = {"InsufficientInstanceCapacity", "Unsupported"}
_GENERATIONS = 10


class Performers:
    """The performers of one run."""

    def __init__(self, work: Worksite, run: Course) -> None:
        self._work = work
        self._run = run
        self._groups: dict[str, str] = {}
        self._welcome = Welcome(work, run)
        self.indoors = Indoors(work, run)

    def by_kind(self) -> dict[str, Performer]:
        """Return the performer of each kind of step."""
        return {
            "group.make": self._group_make,
            "rule.open": self._rule,
            "rule.close": self._rule,
            "key.import": self._key_import,
            "instance.make": self._instance_make,
            "instance.start": self._instance_start,
            "volume.make": self._volume_make,
            "volume.attach": self._volume_attach,
            "address.give": self._address_give,
            "state.record": self._state_record,
            **self._welcome.by_kind(),
            **self.indoors.by_kind(),
        }

    def _group_make(self, step: Step) -> Facts:
        desired = self._desired(step)
        vpc = self._work.site.cloud.vpc or zones.default_vpc(self._work.cloud)
        words = f"{desired.host}, by the inventory"
        made = groups.create(
            self._work.cloud, desired.group, vpc, words, {**desired.tags, tags.NAME: desired.group}
        )
        self._groups[desired.slot] = made.id
        return {"id": made.id, "vpc": vpc}

    def _rule(self, step: Step) -> None:
        told = step.arguments
        rule = Rule(
            str(told["protocol"]),
            int(str(told["first"])),
            int(str(told["last"])),
            str(told["source"]),
            words=str(told["words"]),
        )
        change = groups.allow if step.kind == "rule.open" else groups.revoke
        change(self._work.cloud, self._group_id(self._desired(step)), rule)

    def _key_import(self, step: Step) -> Facts:
        key = str(step.arguments["key"])
        made = keys.bring_in(self._work.cloud, step.subject, key, {tags.NAME: step.subject})
        return {"id": made.id}

    def _instance_make(self, step: Step) -> Facts:
        """Start the instance; a token that leads to a dead one gives way to the next."""
        desired = self._desired(step)
        first = int(str(step.arguments["generation"]))
        for generation in range(first, first + _GENERATIONS):
            instance = self._launch(desired, step, generation)
            if instance.alive:
                self._run.remember(id=instance.id, generation=generation)
                return {**seen(instance), "generation": generation, "group": instance.groups[0]}
        raise OpsError(
            f"{desired.host}: {_GENERATIONS} instances in a row ended at once",
            "Look at the reason of the last one in the AWS console.",
        )

    def _launch(self, desired: Desired, step: Step, generation: int) -> Instance:
        work, tokens = self._work, self._work.tokens(desired.slot)
        kept = tokens.read(generation)
        throwaway = kept or identity.make(desired, work.repo.template_folders())
        tokens.keep(generation, throwaway)
        image = images.resolve(work.cloud, str(step.arguments["image"]))
        launch = Launch(
            token="",
            image=image.id,
            type="",
            zone="",
            key=desired.key_pair,
            groups=(self._group_id(desired),),
            root=survey.disk(desired, image),
            tags={
                **desired.tags,
                tags.NAME: desired.name,
                tags.GENERATION: str(generation),
            },
            user_data=throwaway.sent,
            profile=desired.instance.profile,
        )
        try:
            return self._first_with_capacity(desired, launch, step)
        except CloudError as error:
            if kept is None and not error.uncertain:
                tokens.forget(generation)
            raise

    def _first_with_capacity(self, desired: Desired, launch: Launch, step: Step) -> Instance:
        """Try each type in the first zone, then each in the next."""
        work, generation = self._work, launch.tags[tags.GENERATION]
        refused: CloudError | None = None
        for zone in _listed(step.arguments["zones"]):
            subnet = survey.subnet(work.cloud, work.site, zone)
            for kind in _listed(step.arguments["types"]):
                name = f"instance.{kind}.{zone}"
                key = token(desired.component, desired.slot, int(generation), name)
                asked = replace(launch, token=key, type=kind, zone=zone, subnet=subnet)
                try:
                    return instances.run(work.cloud, asked)
                except CloudError as error:
                    if error.code not in _NO_CAPACITY:
                        raise
                    work.tell(f"no capacity for {kind} in {zone}: {error.said}")
                    refused = error
        said = refused.said if refused else "no type or zone is declared"
        raise Incomplete(
            f"{desired.host}: EC2 has no capacity for any declared type and zone: {said}",
            "Run the task again later, or declare other_types and other_zones.",
        )

    def _instance_start(self, step: Step) -> Facts:
        cloud, instance_id = self._work.cloud, str(step.arguments["id"])
        found = instances.get(cloud, instance_id)
        if found is not None and found.state == "stopping":
            instances.wait(cloud, instance_id, "stopped", BOOT)
        instances.start(cloud, instance_id)
        instance = instances.wait(cloud, instance_id, "running", BOOT)
        desired = self._desired(step)
        if not self._work.tokens(desired.slot).generations():
            self._work.connect(desired, instance, wait=True)
        return seen(instance)

    def _volume_make(self, step: Step) -> Facts:
        desired, name = self._desired(step), str(step.arguments["volume"])
        declared = desired.volumes[name]
        generation = int(str(step.arguments["generation"]))
        snapshot = step.arguments.get("snapshot")
        order = volumes.Order(
            token=token(desired.component, desired.slot, generation, f"volume.{name}"),
            zone=self._run.state.instances[desired.slot].zone,
            size_gib=declared.size_gib,
            tags={**desired.tags, tags.NAME: f"{desired.name}-{name}", tags.VOLUME: name},
            type=declared.type,
            encrypted=declared.encrypted,
            iops=declared.iops,
            throughput=declared.throughput,
            snapshot=str(snapshot) if snapshot else None,
        )
        try:
            made = volumes.create(self._work.cloud, order)
        except CloudError as error:
            if not error.uncertain and error.code not in THROTTLED:
                self._run.remember(refused=error.code)  # no volume can be this step's
            raise
        return {
            "id": made.id,
            "size_gib": declared.size_gib,
            "created_by": self._run.id,
            "formatted": bool(snapshot),
        }

    def _volume_attach(self, step: Step) -> Facts:
        cloud, slot = self._work.cloud, str(step.arguments["slot"])
        recorded = self._run.state.instances[slot]
        volume = recorded.volumes.get(str(step.arguments["volume"]))
        volume_id = str(step.arguments["id"]) or (volume.id if volume else "")
        instances.wait(cloud, recorded.id, "running", BOOT)
        volumes.wait_available(cloud, volume_id, BOOT)
        volumes.attach(cloud, volume_id, recorded.id, str(step.arguments["device"]))
        volumes.wait_attached(cloud, volume_id, BOOT)
        return {"id": volume_id, "instance": recorded.id}

    def _address_give(self, step: Step) -> Facts:
        cloud, desired = self._work.cloud, self._desired(step)
        instance = self._welcome.running(desired.slot)
        address = addresses.allocate(cloud, {**desired.tags, tags.NAME: desired.name})
        if address.instance not in {"", instance.id}:  # it was the slot's before, as the address is
            addresses.disassociate(cloud, address)
        addresses.associate(cloud, address, instance.id)
        given = self._welcome.running(desired.slot)
        if self._work.site.cloud.address == "public":
            self._reach_again(desired, given)
        return seen(given)

    def _reach_again(self, desired: Desired, instance: Instance) -> None:
        """Leave the connection to the address that the instance had until now for a new one."""
        connected = desired.slot in self._work.hosts
        self._work.close(desired.slot)
        if connected and not desired.next:
            self._work.connect(desired, instance, wait=True)

    def _state_record(self, step: Step) -> Facts:
        """Take what AWS tells."""
        told, slot = step.arguments, str(step.arguments["slot"])
        recorded = self._run.state.instances.get(slot)
        known = {one.id for one in recorded.volumes.values()} if recorded else set()
        new: dict[str, object] = {}
        for name, one in _mapping(told["volumes"]).items():
            volume_id = str(_mapping(one)["id"])
            found = volumes.get(self._work.cloud, volume_id)
            if found is not None and volume_id not in known:
                new[name] = {**_mapping(one), "size_gib": found.size_gib}
        return {**_mapping(told["seen"]), "volumes": new}

    def _group_id(self, desired: Desired) -> str:
        """Return the slot's group; EC2 may not show for a while what this run has made."""
        if desired.slot in self._groups:
            return self._groups[desired.slot]
        found = groups.find(self._work.cloud, desired.tags)
        ours = [group.id for group in found if group.name == desired.group]
        if not ours:
            raise OpsError(f"the security group {desired.group} is gone", "Run the task again.")
        return ours[0]

    def _desired(self, step: Step) -> Desired:
        return self._work.desired(str(step.arguments["slot"]))


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
