"""Looks for drift: AWS by a handful of calls for all components, each host by one connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ops import run
from ops.cloud import status, tags, volumes
from ops.errors import OpsError, Refused, UsageError
from ops.inventory import journal
from ops.inventory.schema import Site
from ops.provision import drift_cloud, drift_host, drift_volumes, facts, machine, survey
from ops.provision.arrival import Patience
from ops.provision.drift import Finding, Gap, Ours, Report, Sight, strangers
from ops.provision.plan import Slot
from ops.provision.worksite import Worksite, desires
from ops.remote.errors import HostKeyRefused
from ops.remote.fanout import Outcome, each

if TYPE_CHECKING:
    from ops.cloud.instances import Instance
    from ops.cloud.session import Cloud
    from ops.cloud.status import Health
    from ops.cloud.volumes import Volume
    from ops.inventory.repository import Repository

PATIENCE = 150.0
"""Seconds for one host: it may wait two minutes for a step that is at work there."""

AT_ONCE = 32


def look(repo: Repository, names: Sequence[str] = ()) -> Report:
    """Return all drift of the named components, or of the whole fleet and what is beside it.

    Raise UsageError when a named one declares no target, CloudError when AWS does not answer.
    A component that can't be read, or a host that can't be asked, is a gap of the report.
    """
    return _Look(repo, tuple(names)).report()


@dataclass
class _Place:
    """A slot and the site of its component."""

    work: Worksite
    sight: Sight


@dataclass
class _Look:
    repo: Repository
    names: tuple[str, ...]
    gaps: list[Gap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def report(self) -> Report:
        cloud = run.cloud(self.repo)
        try:
            return self._report(cloud)
        finally:
            cloud.close()

    def _report(self, cloud: Cloud) -> Report:
        site = self.repo.site()
        works = [work for name in self._components() for work in self._work(cloud, site, name)]
        found, health, drilled = _ask_aws(cloud, site, self.names)
        places = [place for work in works for place in self._places(work, found, health)]
        self._ask_hosts(places)
        findings = [*self._findings(works, places, found), *self._leftovers(drilled)]
        return Report(tuple(findings), tuple(self.gaps), tuple(self.notes))

    def _components(self) -> Sequence[str]:
        """Return the components to look at; a fleet may have some that go nowhere."""
        if not self.names:
            return self.repo.names()
        for name in self.names:
            if self.repo.component(name).target is None:
                raise UsageError(f"{name} declares no target", "There is nothing to compare.")
        return self.names

    def _work(self, cloud: Cloud, site: Site, name: str) -> Iterator[Worksite]:
        try:
            declared = self.repo.component(name)
            if declared.target is not None:
                wanted = desires(self.repo, site, name, declared)
                yield Worksite(self.repo, name, site, cloud, wanted, lambda _: None, Patience())
        except OpsError as error:
            self.gaps.append(Gap(name, "the component's files", error.message))

    def _places(
        self, work: Worksite, found: survey.Found, health: Mapping[str, Health]
    ) -> Iterator[_Place]:
        state = survey.state(self.repo, work.name)
        if state.retirement is not None:
            since = f"{state.retirement.since:%Y-%m-%d}"
            self.notes.append(f"{work.name}: retired on {since}, not compared")
            return
        for desired in work.wanted:
            former = frozenset(state.former)
            account = replace(survey.account(desired, found), former=former)
            slot = Slot(desired, account, work.known(desired, account, state))
            if slot.known.recorded is None and not any(one.alive for one in account.instances):
                self.notes.append(f"{desired.host}: not provisioned yet")
            instance = _current(slot)
            sight = Sight(slot)
            if instance is not None:
                sight = replace(sight, root=_root(found, instance), health=health.get(instance.id))
            self.notes += drift_cloud.notes(sight, state.former)
            yield _Place(work, sight)

    def _ask_hosts(self, places: Sequence[_Place]) -> None:
        wanted = [place for place in places if _askable(place.sight.slot)]
        for outcome in each(wanted, _asked, limit=AT_ONCE, seconds=PATIENCE):
            self._take(outcome)

    def _take(self, outcome: Outcome[_Place, Slot]) -> None:
        place, error = outcome.item, outcome.error
        if isinstance(error, HostKeyRefused):
            place.sight = replace(place.sight, refused=error.message)
        elif isinstance(error, (OpsError, OSError)):
            desired = place.sight.slot.desired
            said = error.message if isinstance(error, OpsError) else str(error)
            self.gaps.append(Gap(desired.component, desired.host, said))
        elif error is not None:
            raise error
        elif outcome.value is not None:
            place.sight = replace(place.sight, slot=outcome.value)

    def _findings(
        self, works: Sequence[Worksite], places: Sequence[_Place], found: survey.Found
    ) -> Iterator[Finding]:
        for place in places:
            yield from drift_cloud.findings(place.sight)
            yield from drift_host.findings(place.sight)
        declared = {work.name: [one.slot for one in work.wanted] for work in works}
        broken = {gap.component for gap in self.gaps} - set(declared)
        ours = Ours(found.instances, found.volumes, found.groups, found.addresses)
        for one in strangers(ours, declared):
            if one.component not in broken and (not self.names or one.component in self.names):
                yield one

    def _leftovers(self, drilled: Sequence[Volume]) -> Iterator[Finding]:
        folder = self.repo.var / "journal"
        dead = set(journal.orphans(folder)) if folder.is_dir() else set()
        at_work = {path.stem for path in folder.glob("*.jsonl") if path not in dead}
        for one in drift_volumes.leftovers(drilled, at_work):
            if not self.names or one.component in self.names:
                yield one


def _ask_aws(
    cloud: Cloud, site: Site, names: Sequence[str]
) -> tuple[survey.Found, Mapping[str, Health], Sequence[Volume]]:
    """Return what has our tags, the health of what runs, and what drills made.

    Seven calls, and their pages.
    """
    ours = {tags.COMPONENT: names[0] if len(names) == 1 else tags.ANY}
    with ThreadPoolExecutor(2) as pool:
        health = pool.submit(status.find, cloud)
        drilled = pool.submit(volumes.find, cloud, {tags.DRILL: tags.ANY})
        found = survey.look(cloud, ours, site.cloud.key_name)
    return found, health.result(), drilled.result()


def _current(slot: Slot) -> Instance | None:
    try:
        return machine.current(slot.desired, slot.account, slot.known.recorded)
    except Refused:
        return None


def _root(found: survey.Found, instance: Instance) -> Volume | None:
    ids = {one.volume for one in instance.attachments if one.device == instance.root_device}
    return next((volume for volume in found.volumes if volume.id in ids), None)


def _askable(slot: Slot) -> bool:
    """Return whether the slot has a host that runs and that we know."""
    instance = _current(slot)
    return instance is not None and instance.state == "running" and bool(slot.known.pinned)


def _asked(place: _Place) -> Slot:
    """Return the slot with its host's facts, where anything of it is to be known.

    Else, and without root's rights, the log-in is all there is: it proves the host key.
    """
    from ops.remote.connection import connect

    work, slot = place.work, place.sight.slot
    instance = _current(slot)
    if instance is None:
        return slot
    volumes = {
        volume.tags[tags.VOLUME]: volume.id
        for volume in slot.account.volumes
        if volume.instance == instance.id and volume.tags[tags.VOLUME] in slot.desired.volumes
    }
    asked = facts.question(slot.desired, volumes)
    with connect(work.endpoint(slot.desired, instance)) as host:
        if not work.able or asked == facts.Question():
            return slot
        answer = host.run(facts.gather(asked), timeout=PATIENCE)
    return replace(slot, host=facts.parse(asked, answer.out))
