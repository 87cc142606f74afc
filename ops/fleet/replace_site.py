"""Where a replacement works: the successor as a work site of `provision`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ops import run
from ops.cloud import addresses, instances, snapshots, tags, zones
from ops.cloud.volumes import Volume
from ops.errors import Refused, UsageError
from ops.fleet import replace_plan, replace_state
from ops.fleet.replace_plan import Sight
from ops.inventory.repository import Repository
from ops.inventory.schema import Component, ReplacementState, State
from ops.known_hosts import fingerprint
from ops.plan import Plan
from ops.provision import survey
from ops.provision.arrival import Patience, Tell
from ops.provision.desired import Desired
from ops.provision.observed import Account, Known
from ops.provision.plan import Slot
from ops.provision.worksite import Worksite, open_site
from ops.run import Run


@dataclass
class Succession(Worksite):
    """The work site of one slot's successor.

    Its host has the slot's name with `.next` until the switch; its volumes are those that
    move, as if they were free, and those that were made for it.
    """

    declared: Component = field(kw_only=True)
    from_snapshot: bool = field(default=False, kw_only=True)
    found: ReplacementState | None = field(default=None, kw_only=True)
    all: Account = field(default_factory=Account, kw_only=True)
    """What AWS has for the slot as a whole, as last seen."""

    @property
    def slot(self) -> str:
        """Return the slot whose instance is replaced."""
        return self.wanted[0].slot

    def accounts(self, wanted: Sequence[Desired], state: State) -> dict[str, Account]:
        """Return the successor's share of what AWS has for the slot."""
        self.all = super().accounts(wanted, state)[self.slot]
        found = self.found
        if found is None:
            return {self.slot: self.all}
        moved = {v.id for n, v in found.old.volumes.items() if n not in found.snapshots}
        made = {v.id for v in found.successor.volumes.values()} if found.successor else set()
        mine = tuple(
            replace(one, instance="", device="") if one.instance == found.old.id else one
            for one in self.all.volumes
            if one.id in moved | made
        )
        former = self.all.former | {found.old.id}
        return {self.slot: replace(self.all, former=former, volumes=mine)}

    def known(self, desired: Desired, account: Account, state: State) -> Known:
        """Return what is known of the successor; its key may be under the slot's name by now."""
        known = super().known(desired, account, state)
        told = state.instances[desired.slot].host_key
        other = self.repo.pinned(desired.host.removesuffix(".next"))
        if not known.pinned and other and fingerprint(other) == told:
            return replace(known, pinned=fingerprint(other))
        return known

    def sight(self, state: State) -> Sight:
        """Return all that the plan rests on, everything that EC2 would refuse checked before."""
        opened = self.slot in state.replacements
        (plain,) = self.wanted
        if not opened:
            self.accounts([plain], state)
            old, ids = self._old(state.instances[self.slot].id), {v.id for v in self.all.volumes}
            recorded = state.instances[self.slot].volumes
            there = [name for name, one in recorded.items() if one.id in ids]
            self.found = replace_plan.opening(
                state,
                self.slot,
                old,
                there,
                plain.volumes,
                from_snapshot=self.from_snapshot,
                key=self._pinned(),
            )
            replacements = {**state.replacements, self.slot: self.found}
            state = state.model_copy(update={"replacements": replacements})
        self.found = found = state.replacements[self.slot]
        self.wanted = (replace(plain, snapshots=found.snapshots),)
        if found.switched:  # its host has the slot's name by now, and nothing is asked of it
            return self.behind(state)[0]
        (slot,) = self.look(replace_state.view(state, self.slot))
        slot = self.rehearsed(slot)
        if not opened:
            self._must_be_possible(slot, found)
        return self._sight(slot, found, opened=opened)

    def behind(self, state: State) -> tuple[Sight, instances.Instance | None]:
        """Return what the way back rests on, and the successor; no host is asked."""
        (desired,) = self.wanted
        self.found = found = state.replacements[self.slot]
        account = self.accounts([desired], state)[self.slot]
        sight = self._sight(Slot(desired, account, Known()), found, opened=True)
        return sight, self._old(found.successor.id) if found.successor else None

    def way_back(self, state: State) -> Plan:
        """Return the plan that gives a replacement up. Raise Refused where there is no way back."""
        task, found = "provision.replace", state.replacements.get(self.slot)
        if found is None:
            return Plan(task, self.name, notes=("note: no replacement is under way",))
        if why := replace_plan.no_way_back(found):
            raise Refused(
                f"{self.name}: there is no way back, as {why}",
                f"Complete it with `fab provision.replace app={self.name}`.",
            )
        steps = tuple(replace_plan.back(*self.behind(state)))
        return Plan(task, self.name, steps, {"old": found.old.id})

    def _must_be_possible(self, slot: Slot, found: ReplacementState) -> None:
        """Raise Refused for what would stop it only when the old instance is down."""
        wanted = set(found.snapshots.values())
        there = snapshots.find(self.cloud, {tags.COMPONENT: self.name}) if wanted else ()
        gone = sorted(wanted - {one.id for one in there if one.state == "completed"})
        if gone:
            raise Refused(
                f"{self.name}: the proven snapshot {', '.join(gone)} is not there any more",
                f"Take and prove another: `fab backup.snapshot app={self.name}`, "
                f"`fab backup.drill app={self.name}`.",
            )
        places = slot.machine().zones
        if self._elastic and self.site.cloud.address == "public":
            self._must_get_address(places)

    def _must_get_address(self, places: Sequence[str]) -> None:
        """Raise Refused where a successor has no address until it gets the Elastic IP's."""
        for zone in places:
            subnet = survey.subnet(self.cloud, self.site, zone)
            if not zones.gives_addresses(self.cloud, zone, subnet):
                raise Refused(
                    f"{self.name}: a successor in {zone} has no public address to be reached by "
                    "before it gets the Elastic IP's",
                    f"Let the subnet {subnet or 'of the zone'} give public addresses by itself, "
                    "or set cloud.address to private in site.yaml.",
                )

    def _sight(self, slot: Slot, found: ReplacementState, *, opened: bool) -> Sight:
        old = self._old(found.old.id)
        volumes = {
            name: one
            for name, told in found.old.volumes.items()
            for one in self.all.volumes
            if one.id == told.id
        }
        return Sight(
            self.name,
            slot,
            self.declared,
            found,
            opened,
            old,
            volumes,
            address=self._address(),
            pinned=self._pinned(),
            made=self._made(found),
        )

    def _made(self, found: ReplacementState) -> dict[str, Volume]:
        volumes = found.successor.volumes if found.successor else {}
        new = {told.id: name for name, told in volumes.items() if name not in found.old.volumes}
        return {new[one.id]: one for one in self.all.volumes if one.id in new}

    def plan(self, state: State) -> Plan:
        """Return the plan as things are now, with what it loses and costs among its notes."""
        sight = self.sight(state)
        age = replace_plan.lost(state, sight.replacement, run.now())
        decided = self.priced(replace_plan.plan(sight))
        return replace(decided, notes=(*replace_plan.note(sight.replacement, age), *decided.notes))

    def _old(self, instance_id: str) -> instances.Instance | None:
        seen = (one for one in self.all.instances if one.id == instance_id)
        return next(seen, None)

    def _pinned(self) -> str | None:
        return self.repo.pinned(self.wanted[0].host.removesuffix(".next"))

    @property
    def _elastic(self) -> bool:
        target = self.declared.target
        return target is not None and target.instances[self.slot].elastic_ip

    def _address(self) -> str:
        if not self._elastic:
            return ""
        ours = {tags.COMPONENT: self.name, tags.SLOT: self.slot}
        return next((one.instance for one in addresses.find(self.cloud, ours)), "")


@dataclass(frozen=True)
class Stage:
    """A run as the successor's performers see it: its state is the successor's."""

    run: Run
    slot: str

    @property
    def id(self) -> str:
        """Return the run's id."""
        return self.run.id

    @property
    def state(self) -> State:
        """Return the state in which the successor has its predecessor's place."""
        return replace_state.view(self.run.state, self.slot)

    @property
    def directory(self) -> Path:
        """Return the run's own folder."""
        return self.run.directory

    def remember(self, **facts: object) -> None:
        """Keep facts of the step under way."""
        self.run.remember(**facts)

    def attach(self, path: Path) -> None:
        """Make the file belong to the run."""
        self.run.attach(path)


@contextmanager
def open_succession(
    repo: Repository, name: str, slot: str, tell: Tell, patience: Patience, *, from_snapshot: bool
) -> Iterator[Succession]:
    """Give the work site of a slot's successor.

    Raise UsageError when the slot has no instance that could be replaced, or none is named and
    there are several.
    """
    state, declared = repo.state(name), repo.component(name)
    slot = slot or _only(name, state)
    if slot not in state.instances:
        raise UsageError(
            f"{name} has no instance {slot} that was provisioned",
            f"There are: {', '.join(sorted(state.instances)) or 'none'}.",
        )
    with open_site(repo, name, tell, patience) as work:
        plain = work.desired(slot)
        instance = plain.instance.model_copy(update={"elastic_ip": False})
        following = replace(plain, next=True, instance=instance)
        site, cloud = work.site, work.cloud
        made = Succession(
            repo,
            name,
            site,
            cloud,
            (following,),
            tell,
            patience,
            declared=declared,
            from_snapshot=from_snapshot,
        )
        try:
            yield made
        finally:
            made.close()


def _only(name: str, state: State) -> str:
    if len(state.instances) > 1:
        raise UsageError(
            f"{name} has several instances: {', '.join(sorted(state.instances))}",
            "Name one: slot=NAME.",
        )
    return next(iter(state.instances), "main")
