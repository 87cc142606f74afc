"""Performs the steps of a plan: exactly one performer for each kind of step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ops.cloud import addresses, groups, images, instances, keys, tags, volumes, zones
from ops.cloud.calls import Wait
from ops.cloud.errors import CloudError
from ops.cloud.groups import Rule
from ops.cloud.instances import Instance
from ops.cloud.launch import Launch
from ops.cloud.tokens import token
from ops.errors import OpsError
from ops.plan import Step
from ops.provision import identity, survey
from ops.provision.arrival import Late, await_first_boot, await_ssh
from ops.provision.desired import Desired
from ops.provision.identity import Throwaway
from ops.provision.indoors import Indoors
from ops.provision.worksite import Worksite
from ops.remote.errors import CommandFailed
from ops.remote.known_hosts import fingerprint
from ops.run import Run

Facts = Mapping[str, object]
Performer = Callable[[Step], Facts | None]

_NO_CAPACITY = {"InsufficientInstanceCapacity", "Unsupported"}
_BOOT = Wait(delay=1, attempts=300)
_GENERATIONS = 10


class Performers:
    """The performers of one run."""

    def __init__(self, work: Worksite, run: Run) -> None:
        self._work = work
        self._run = run
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
            "host.await": self._host_await,
            "key.renew": self._key_renew,
            "state.record": self._state_record,
            **self.indoors.by_kind(),
        }

    def _group_make(self, step: Step) -> Facts:
        desired = self._desired(step)
        vpc = self._work.site.cloud.vpc or zones.default_vpc(self._work.cloud)
        words = f"{desired.host}, by the inventory"
        made = groups.create(
            self._work.cloud, desired.group, vpc, words, {**desired.tags, tags.NAME: desired.group}
        )
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
                return {**_seen(instance), "generation": generation, "group": instance.groups[0]}
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
            zone=desired.instance.zone,
            key=desired.key_pair,
            groups=(self._group_id(desired),),
            root=survey.disk(desired, image),
            tags={
                **desired.tags,
                tags.NAME: desired.name,
                tags.GENERATION: str(generation),
            },
            user_data=throwaway.user_data.encode(),
            subnet=survey.subnet(work.cloud, work.site, desired.instance.zone),
            profile=desired.instance.profile,
        )
        try:
            return self._first_with_capacity(desired, launch, generation)
        except CloudError as error:
            if kept is None and not error.uncertain:
                tokens.forget(generation)
            raise

    def _first_with_capacity(self, desired: Desired, launch: Launch, generation: int) -> Instance:
        types = (desired.instance.type, *desired.instance.other_types)
        for kind in types:
            key = token(desired.component, desired.slot, generation, f"instance.{kind}")
            try:
                return instances.run(self._work.cloud, replace(launch, token=key, type=kind))
            except CloudError as error:
                if error.code not in _NO_CAPACITY or kind == types[-1]:
                    raise
                self._work.tell(f"no capacity for {kind}: {error.said}")
        raise AssertionError("a slot has at least one type")

    def _instance_start(self, step: Step) -> Facts:
        cloud, instance_id = self._work.cloud, str(step.arguments["id"])
        seen = instances.get(cloud, instance_id)
        if seen is not None and seen.state == "stopping":
            instances.wait(cloud, instance_id, "stopped", _BOOT)
        instances.start(cloud, instance_id)
        instance = instances.wait(cloud, instance_id, "running", _BOOT)
        desired = self._desired(step)
        if not self._work.tokens(desired.slot).generations():
            self._work.connect(desired, instance, wait=True)
        return _seen(instance)

    def _volume_make(self, step: Step) -> Facts:
        desired, name = self._desired(step), str(step.arguments["volume"])
        declared = desired.volumes[name]
        generation = int(str(step.arguments["generation"]))
        order = volumes.Order(
            token=token(desired.component, desired.slot, generation, f"volume.{name}"),
            zone=str(step.arguments["zone"]),
            size_gib=declared.size_gib,
            tags={**desired.tags, tags.NAME: f"{desired.name}-{name}", tags.VOLUME: name},
            type=declared.type,
            encrypted=declared.encrypted,
            iops=declared.iops,
            throughput=declared.throughput,
        )
        made = volumes.create(self._work.cloud, order)
        return {"id": made.id, "size_gib": declared.size_gib, "created_by": self._run.id}

    def _volume_attach(self, step: Step) -> Facts:
        cloud, slot = self._work.cloud, str(step.arguments["slot"])
        recorded = self._run.state.instances[slot]
        volume = recorded.volumes.get(str(step.arguments["volume"]))
        volume_id = str(step.arguments["id"]) or (volume.id if volume else "")
        instances.wait(cloud, recorded.id, "running", _BOOT)
        volumes.wait_available(cloud, volume_id, _BOOT)
        volumes.attach(cloud, volume_id, recorded.id, str(step.arguments["device"]))
        volumes.wait_attached(cloud, volume_id, _BOOT)
        return {"id": volume_id, "instance": recorded.id}

    def _address_give(self, step: Step) -> Facts:
        cloud, desired = self._work.cloud, self._desired(step)
        instance = self._running(desired.slot)
        address = addresses.allocate(cloud, {**desired.tags, tags.NAME: desired.name})
        addresses.associate(cloud, address, instance.id)
        return _seen(self._running(desired.slot))

    def _host_await(self, step: Step) -> Facts:
        """Connect with the throw-away key, and wait until the first boot is done."""
        work, desired = self._work, self._desired(step)
        instance = self._running(desired.slot)
        generation = self._run.state.instances[desired.slot].generation
        tokens = work.tokens(desired.slot)
        kept = tokens.read(generation)
        if kept is None:
            raise OpsError(f"{desired.host}: the key of its first connection is not kept here")
        known_hosts = tokens.known_hosts(generation, desired.host, kept.keys)
        endpoint = replace(work.endpoint(desired, instance), known_hosts=known_hosts)
        work.close(desired.slot)
        try:
            work.hosts[desired.slot] = await_ssh(endpoint, work.patience, work.tell)
            await_first_boot(work.hosts[desired.slot], work.patience)
        except Late as error:
            raise OpsError(error.message, self._keep_console(instance)) from None
        return _seen(instance)

    def _key_renew(self, step: Step) -> Facts:
        """Let the host make a key of its own, prove it by a new connection, and pin it."""
        work, desired = self._work, self._desired(step)
        recorded = self._run.state.instances[desired.slot]
        tokens = work.tokens(desired.slot)
        kept = tokens.read(recorded.generation)
        if kept is None:
            raise OpsError(f"{desired.host}: the key of its first connection is not kept here")
        public = self._renewed(desired, recorded.generation, kept)
        if not public:
            work.tell(f"{desired.host}: its throw-away host key stays, its own can't be set there")
            public = kept.public_key
        work.repo.pin(desired.host, public)
        tokens.forget(recorded.generation)
        return {"host_key": fingerprint(public)}

    def _renewed(self, desired: Desired, generation: int, kept: Throwaway) -> str:
        """Return the key that the host now has; "" when it can't be given one from here."""
        work, host = self._work, self._work.hosts[desired.slot]
        if not work.able:
            return ""
        made = host.run(identity.new_key(desired, kept), timeout=60, check=False)
        if made.code == identity.ANOTHER:
            return ""
        if made.code:
            raise CommandFailed(host.name, made)
        public = identity.parse_key(made.out)
        work.tokens(desired.slot).keep(generation, replace(kept, successor=public))
        host.run(identity.switch_key(), timeout=60)
        self._prove(desired, generation, public)
        return public

    def _prove(self, desired: Desired, generation: int, public: str) -> None:
        work = self._work
        path = work.tokens(desired.slot).known_hosts(generation, desired.host, [public])
        work.close(desired.slot)
        endpoint = work.endpoint(desired, self._running(desired.slot))
        patience = replace(work.patience, limit=60, strange=10, pause=0.2)
        proof = replace(endpoint, known_hosts=path)
        work.hosts[desired.slot] = await_ssh(proof, patience, work.tell)

    def _state_record(self, step: Step) -> Facts:
        """Take what AWS tells; a volume's maker is who began it, as the records tell."""
        told, slot = step.arguments, str(step.arguments["slot"])
        seen = told["seen"] if isinstance(told["seen"], dict) else {}
        ids = told["volumes"] if isinstance(told["volumes"], dict) else {}
        recorded = self._run.state.instances.get(slot)
        known = {one.id for one in recorded.volumes.values()} if recorded else set()
        found = {name: volumes.get(self._work.cloud, one) for name, one in ids.items()}
        new = {
            name: {"id": one.id, "size_gib": one.size_gib, "created_by": self._run.id}
            for name, one in found.items()
            if one is not None and one.id not in known
        }
        return {**seen, "volumes": new}

    def _running(self, slot: str) -> Instance:
        return instances.wait(
            self._work.cloud, self._run.state.instances[slot].id, "running", _BOOT
        )

    def _keep_console(self, instance: Instance) -> str:
        """Keep the console output as a file of the run; return what to say of it."""
        where = f"{instance.id} is kept for you to look at"
        try:
            text = instances.console(self._work.cloud, instance.id)
        except CloudError as error:
            return f"{where}; its console output can't be had: {error.said}."
        path = self._run.directory / f"console-{instance.id}.txt"
        path.write_text(text or "EC2 has no console output of it yet.\n")
        self._run.attach(path)
        return f"{where}; its console output is in {path}. Then run the task again."

    def _group_id(self, desired: Desired) -> str:
        found = groups.find(self._work.cloud, desired.tags)
        ours = [group.id for group in found if group.name == desired.group]
        if not ours:
            raise OpsError(f"the security group {desired.group} is gone", "Run the task again.")
        return ours[0]

    def _desired(self, step: Step) -> Desired:
        return self._work.desired(str(step.arguments["slot"]))


def _seen(instance: Instance) -> dict[str, object]:
    return {
        "id": instance.id,
        "type": instance.type,
        "zone": instance.zone,
        "image": instance.image,
        "private_address": instance.private_address,
        "public_address": instance.public_address or None,
        "public_name": instance.public_name or None,
    }
