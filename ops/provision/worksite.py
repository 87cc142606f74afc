"""Where a provisioning run works: the inventory, AWS, and one connection a host."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ops import run
from ops.errors import OpsError, UsageError
from ops.inventory import references
from ops.inventory.repository import Repository
from ops.inventory.schema import Component, Site, State
from ops.known_hosts import PublicKey, fingerprint
from ops.plan import Plan
from ops.provision import contents, facts, plan, prices, survey
from ops.provision.arrival import Patience, Tell, await_ssh
from ops.provision.desired import Desired, desire
from ops.provision.identity import Tokens
from ops.provision.observed import Account, Known
from ops.provision.plan import Slot

if TYPE_CHECKING:
    from ops.cloud.instances import Instance
    from ops.cloud.session import Cloud
    from ops.remote.endpoint import Endpoint
    from ops.remote.host import Host

APPEARING = 60
"""Seconds in which a volume attached a moment ago must be seen by its host."""


class Course(Protocol):
    """What performers need of a run: who it is, what is so by now, and where facts are kept."""

    @property
    def id(self) -> str:
        """Return the run's id."""

    @property
    def state(self) -> State:
        """Return the component's state as last observed."""

    @property
    def directory(self) -> Path:
        """Return the run's own folder."""

    def remember(self, **facts: object) -> None:
        """Keep facts of the step under way."""

    def attach(self, path: Path) -> None:
        """Make the file belong to the run."""


@dataclass
class Worksite:
    """One component under work. `hosts` are the open connections by slot."""

    repo: Repository
    name: str
    site: Site
    cloud: Cloud
    wanted: tuple[Desired, ...]
    tell: Tell
    patience: Patience
    hosts: dict[str, Host] = field(default_factory=dict)

    def desired(self, slot: str) -> Desired:
        """Return what is wanted for a slot."""
        return next(one for one in self.wanted if one.slot == slot)

    def tokens(self, slot: str) -> Tokens:
        """Return the throw-away identities of a slot."""
        return Tokens(self.repo.var, self.name, slot)

    def look(self, state: State, slots: Sequence[str] = ()) -> tuple[Slot, ...]:
        """Return all that there is, hosts included where they can be asked; nothing is changed."""
        wanted = [one for one in self.wanted if not slots or one.slot in slots]
        accounts = self.accounts(wanted, state)
        return tuple(self._slot(one, accounts[one.slot], state) for one in wanted)

    def accounts(self, wanted: Sequence[Desired], state: State) -> dict[str, Account]:
        """Return what AWS has for each slot; former instances are known to be none of it."""
        found = survey.accounts(self.cloud, self.name, wanted)
        former = frozenset(state.former)
        return {slot: replace(account, former=former) for slot, account in found.items()}

    def plan(self, state: State) -> Plan:
        """Return the plan as things are now, everything that can be wrong checked before."""
        return self.priced(
            plan.plan(self.name, [self.rehearsed(slot) for slot in self.look(state)])
        )

    def priced(self, decided: Plan) -> Plan:
        """Return the plan with what it adds to the bill among its notes."""
        today, region = run.now().date(), self.site.cloud.region
        told = prices.notes(decided, self.repo.prices(), today, region)
        return replace(decided, notes=(*decided.notes, *told))

    def ask(self, slot: Slot, *, wait: bool = False) -> Slot:
        """Return the slot with the facts of its host, where anything of it is to be known.

        With `wait` for a host that boots, and for volumes that were attached a moment ago.
        """
        desired, decided = slot.desired, slot.machine()
        instance = decided.instance
        volumes = {name: one.id for name, one in decided.disks.items() if one.attached}
        asked = facts.question(desired, volumes)
        if instance is None or asked == facts.Question() or not self.able:
            return slot
        command = facts.gather(asked, patience=APPEARING if wait else 0)
        host = self.connect(desired, instance, wait=wait)
        return replace(slot, host=facts.parse(asked, host.run(command, timeout=300).out))

    @property
    def able(self) -> bool:
        """Return whether the suite is, or becomes, root on the instances."""
        login = self.site.ssh.cloud
        return login.become == "sudo" or login.user == "root"

    def connect(self, desired: Desired, instance: Instance, *, wait: bool = False) -> Host:
        """Return the slot's connection, proven by its pinned key; made at the first call."""
        from ops.remote.connection import connect

        if desired.slot not in self.hosts:
            endpoint = self.endpoint(desired, instance)
            self.hosts[desired.slot] = (
                await_ssh(endpoint, self.patience, self.tell) if wait else connect(endpoint)
            )
        return self.hosts[desired.slot]

    def endpoint(self, desired: Desired, instance: Instance) -> Endpoint:
        """Return the way to an instance as AWS tells its address now. Raise OpsError."""
        public = self.site.cloud.address == "public"
        address = instance.public_address if public else instance.private_address
        if not address:
            raise OpsError(
                f"{desired.host} ({instance.id}) has no {self.site.cloud.address} address",
                "Look at cloud.address and cloud.subnets in site.yaml.",
            )
        found = run.endpoint(self.repo, self.name, "cloud", desired.slot, address=address)
        return replace(found, key_name=desired.host)

    def known(self, desired: Desired, account: Account, state: State) -> Known:
        """Return what the inventory knows of a slot; of dead runs only where AWS has more."""
        recorded = state.instances.get(desired.slot)
        pinned = self.repo.pinned(desired.host)
        told = {volume.id for volume in recorded.volumes.values()} if recorded else set()
        unknown = any(volume.id not in told for volume in account.volumes)
        return Known(
            recorded,
            fingerprint(pinned) if pinned else "",
            self.tokens(desired.slot).generations(),
            survey.claims(self.repo, self.name, desired.slot) if unknown else (),
        )

    def close(self, slot: str = "") -> None:
        """Close the connection of a slot, or all."""
        for name in [slot] if slot else list(self.hosts):
            host = self.hosts.pop(name, None)
            if host is not None:
                host.close()

    def _slot(self, desired: Desired, account: Account, state: State) -> Slot:
        slot = Slot(desired, account, self.known(desired, account, state))
        decided = slot.machine()
        if decided.fresh or decided.instance is None or decided.instance.state != "running":
            return slot
        return self.ask(slot)

    def rehearsed(self, slot: Slot) -> Slot:
        """Return the slot with the image of an instance to be started, all of it checked."""
        decided = slot.machine()
        if decided.instance is not None:
            return slot
        places = decided.zones
        image = survey.rehearse(self.cloud, self.site, slot.desired, slot.account, places)
        return replace(slot, account=replace(slot.account, image=image))


def desires(repo: Repository, site: Site, name: str, declared: Component) -> tuple[Desired, ...]:
    """Return what is wanted for each slot of a component, its files rendered.

    Raise UsageError when it declares no target, OpsError for what can't be read or rendered.
    """
    if declared.target is None:
        raise UsageError(
            f"{name} declares no target", f"Add `target:` to components/{name}.yaml first."
        )
    key = references.file(site.cloud.public_key, repo.path).read_text()
    PublicKey.parse(key)
    folders = repo.template_folders()
    return tuple(
        desire(
            site,
            name,
            declared,
            slot,
            public_key=key,
            files=contents.files(folders, site, name, declared, slot),
        )
        for slot in sorted(declared.target.instances)
    )


@contextmanager
def open_site(
    repo: Repository, name: str, tell: Callable[[str], None], patience: Patience
) -> Iterator[Worksite]:
    """Give the work site of a component; its connections are closed at the end.

    Raise UsageError when the component declares no target, OpsError for what can't be read
    or rendered.
    """
    site, declared = repo.site(), repo.component(name)
    wanted = desires(repo, site, name, declared)
    work = Worksite(repo, name, site, run.cloud(repo), wanted, tell, patience)
    try:
        yield work
    finally:
        work.close()
        work.cloud.close()
