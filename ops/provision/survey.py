"""Looks at AWS and at the records: what there is for a component's slots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ops.cloud import addresses, groups, images, instances, keys, tags, volumes, zones
from ops.cloud.addresses import Address
from ops.cloud.errors import CloudError
from ops.cloud.groups import Group
from ops.cloud.images import Image
from ops.cloud.instances import Instance
from ops.cloud.launch import Disk, Launch
from ops.cloud.session import Cloud
from ops.cloud.tags import Wanted
from ops.cloud.tokens import token
from ops.cloud.volumes import Volume
from ops.errors import OpsError, Refused
from ops.inventory import journal, records
from ops.inventory.repository import Repository
from ops.inventory.schema import Site, State
from ops.provision.desired import Desired
from ops.provision.observed import Account, Claim

_STATES = (*instances.ALIVE, "shutting-down", "terminated")


@dataclass(frozen=True)
class Found:
    """What AWS has with some of our tags, of any number of slots."""

    groups: tuple[Group, ...] = ()
    key: str | None = None
    instances: tuple[Instance, ...] = ()
    volumes: tuple[Volume, ...] = ()
    """Root volumes too: those have no name of their own (`ops:volume`)."""
    addresses: tuple[Address, ...] = ()


def accounts(cloud: Cloud, name: str, wanted: Sequence[Desired]) -> dict[str, Account]:
    """Return what AWS has for each slot, by a number of calls that does not grow with them."""
    elastic = any(desired.instance.elastic_ip for desired in wanted)
    found = look(cloud, {tags.COMPONENT: name}, wanted[0].key_pair, elastic=elastic)
    return {desired.slot: account(desired, found) for desired in wanted}


def look(cloud: Cloud, ours: Wanted, key_pair: str, *, elastic: bool = True) -> Found:
    """Return all that has the tags, by one call a kind side by side; addresses if `elastic`."""
    with ThreadPoolExecutor(5) as pool:
        found_groups = pool.submit(groups.find, cloud, ours)
        found_key = pool.submit(keys.find, cloud, key_pair)
        found_instances = pool.submit(instances.find, cloud, ours, _STATES)
        found_volumes = pool.submit(volumes.find, cloud, ours)
        found_ips = pool.submit(addresses.find, cloud, ours) if elastic else None
    key = found_key.result()
    return Found(
        found_groups.result(),
        key.public_key if key else None,
        found_instances.result(),
        found_volumes.result(),
        found_ips.result() if found_ips else (),
    )


def account(desired: Desired, found: Found) -> Account:
    """Return the part of what was found that is the slot's."""
    own = [one for one in found.volumes if _is_of(desired, one.tags)]
    ips = [one.address for one in found.addresses if _is_of(desired, one.tags)]
    return Account(
        group=_group(desired, found.groups),
        key=found.key,
        instances=tuple(one for one in found.instances if _is_of(desired, one.tags)),
        volumes=tuple(one for one in own if tags.VOLUME in one.tags),
        elastic_ip=next(iter(ips), None),
    )


def rehearse(
    cloud: Cloud, site: Site, desired: Desired, account: Account, places: Sequence[str]
) -> Image:
    """Return the image of an instance to be started, after checking all that can be wrong.

    `places` are the zones that it may be started in.

    Raise OpsError (CloudError) for an image, type, zone, profile or permission that EC2 would
    refuse, before anything is made.
    """
    declared = desired.instance
    image = images.resolve(cloud, desired.image)
    zone, kind = _first_offered(cloud, desired, places)
    subnets = {place: subnet(cloud, site, place) for place in places}
    if account.group is None:
        _must_be_free(cloud, site, desired)
    if declared.root.size_gib < image.root_gib:
        raise OpsError(
            f"{desired.host}: a root volume of {declared.root.size_gib} GiB, the image needs "
            f"{image.root_gib}",
            "Declare a larger root.size_gib.",
        )
    launch = Launch(
        token=token(desired.component, desired.slot, 0, "rehearsal"),
        image=image.id,
        type=kind,
        zone=zone,
        key=desired.key_pair if account.key else "",
        groups=(account.group.id,) if account.group else (),
        root=disk(desired, image),
        tags={tags.NAME: desired.name, **desired.tags},
        subnet=subnets[zone],
        profile=declared.profile,
    )
    try:
        instances.rehearse(cloud, launch)
    except CloudError as error:
        # Without our group EC2 thinks of the default one, which the least policy forbids.
        if account.group is not None or error.code != "UnauthorizedOperation":
            raise
    return image


def disk(desired: Desired, image: Image) -> Disk:
    """Return the root volume to ask for."""
    root = desired.instance.root
    return Disk(
        image.root_device, root.size_gib, root.type, root.encrypted, root.iops, root.throughput
    )


def _must_be_free(cloud: Cloud, site: Site, desired: Desired) -> None:
    """Raise Refused when another's security group has the name that ours is to have."""
    found = groups.named(cloud, desired.group, site.cloud.vpc or zones.default_vpc(cloud))
    if found is not None:
        raise Refused(
            f"{desired.host}: EC2 has another security group by the name {desired.group} "
            f"({found.id})",
            "It has none of our tags: rename or delete it in the AWS console.",
        )


def _first_offered(cloud: Cloud, desired: Desired, places: Sequence[str]) -> tuple[str, str]:
    """Return the first zone and type that EC2 has, in the order in which they are tried.

    Raise OpsError for a type that no zone has, and for a zone that has no type: a slip of the
    pen. That a zone lacks one of the types is no fault, as then the next is tried.
    """
    offered = {kind: zones.offering(cloud, kind) for kind in desired.types}
    for kind, there in offered.items():
        if not there & set(places):
            where = f"only in {', '.join(sorted(there))}" if there else "nowhere in the region"
            raise OpsError(
                f"{desired.host}: EC2 offers the type {kind} {where}, not in {', '.join(places)}",
                "Declare another type or zone for the instance.",
            )
    for place in places:
        if not any(place in there for there in offered.values()):
            raise OpsError(
                f"{desired.host}: EC2 offers none of {', '.join(desired.types)} in {place}",
                "Declare another type or zone for the instance.",
            )
    return next((zone, kind) for zone in places for kind in offered if zone in offered[kind])


def subnet(cloud: Cloud, site: Site, zone: str) -> str | None:
    """Return the subnet for a zone; None: EC2 takes the zone's default. Raise OpsError."""
    if zone in site.cloud.subnets:
        return site.cloud.subnets[zone]
    if site.cloud.vpc is None:
        return None
    found = [one.id for one in zones.subnets(cloud, site.cloud.vpc) if one.zone == zone]
    if not found:
        raise OpsError(
            f"the VPC {site.cloud.vpc} has no subnet in {zone}",
            "Name one in cloud.subnets of site.yaml.",
        )
    return found[0]


def claims(repo: Repository, name: str, slot: str) -> tuple[Claim, ...]:
    """Return who began to make volumes of a slot, the newest first, dead runs included.

    Those whom EC2 refused made none.
    """
    begun = [*_begun(repo, name), *repo.steps(name, "volume.make", "provision")]
    return tuple(
        Claim(step.subject.partition("/")[2], run, step.started, str(step.facts.get("id", "")))
        for run, step in begun
        if step.subject.startswith(f"{slot}/") and "refused" not in step.facts
    )


def state(repo: Repository, name: str) -> State:
    """Return the component's state, what dead runs observed included."""
    observed = [records.observed(events) for events in _dead(repo, name)]
    return next((one for one in reversed(observed) if one is not None), repo.state(name))


def _begun(repo: Repository, name: str) -> Iterable[tuple[str, records.RecordedStep]]:
    for events in _dead(repo, name):
        record = records.compose(events, events[0]["at"])
        yield from ((record.run, one) for one in record.steps if one.kind == "volume.make")


def _dead(repo: Repository, name: str) -> Iterable[list[journal.Event]]:
    """Yield the journals of the component's runs that died and are not recorded yet."""
    folder = repo.var / "journal"
    for path in journal.orphans(folder) if folder.is_dir() else ():
        try:
            events = journal.read(path)
        except FileNotFoundError:  # another task recorded it: what it observed is the state now
            continue
        if events and events[0].get("component") == name:
            yield events


def _group(desired: Desired, found: Sequence[Group]) -> Group | None:
    ours = [one for one in found if _is_of(desired, one.tags) and one.name == desired.group]
    return ours[0] if ours else None


def _is_of(desired: Desired, told: Mapping[str, str]) -> bool:
    return desired.tags.items() <= told.items()
