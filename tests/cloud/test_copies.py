"""Copies in another region: one of each, with the moment and volume of what was copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ops.cloud import copies, sets, snapshots, tags, volumes
from ops.cloud.calls import Wait
from ops.cloud.errors import CloudError
from ops.cloud.instances import Instance
from ops.cloud.session import Cloud
from ops.cloud.sets import Request
from ops.cloud.snapshots import Snapshot
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server
from tests.support.aws import SOON, set_state

BRIEFLY = Wait(0.01, 3)


@pytest.fixture
def west(cloud: Cloud) -> Iterator[Cloud]:
    made = replace(cloud, region="us-west-2", _clients={})
    yield made
    made.close()


@pytest.fixture
def source(
    cloud: Cloud, instance: Instance, add_volume: Callable[[str], volumes.Volume], name: str
) -> Snapshot:
    add_volume("/dev/sdf")
    request = Request(instance.id, name, {tags.COMPONENT: name})
    [made] = sets.create_set(cloud, request)
    return made


def there(cloud: Cloud, source: Snapshot) -> tuple[Snapshot, ...]:
    return snapshots.find(cloud, {tags.COPY_OF: source.id})


def test_a_copy_has_the_tags_moment_and_volume_of_its_source(west: Cloud, source: Snapshot) -> None:
    made = copies.copy(west, source, "us-east-1")
    assert copies.wait(west, [source.id], SOON) == {source.id: made}
    [one] = there(west, source)
    assert source.started is not None
    own = {tags.TAKEN: source.started.isoformat(), tags.TAKEN_OF: source.volume}
    assert one.tags == {**source.tags, **own, tags.COPY_OF: source.id}


def test_copied_again_there_is_one_copy(west: Cloud, source: Snapshot) -> None:
    first = copies.copy(west, source, "us-east-1")
    assert copies.copy(west, source, "us-east-1") == first


def test_a_lost_reply_makes_one_copy(west: Cloud, source: Snapshot, server: Server) -> None:
    server.faults.add(Fault("CopySnapshot", "lost"))
    made = copies.copy(west, source, "us-east-1", BRIEFLY)
    assert [one.id for one in there(west, source)] == [made]


def test_a_copy_that_failed_is_told_and_made_again(
    west: Cloud, source: Snapshot, server: Server
) -> None:
    bad = copies.copy(west, source, "us-east-1")
    set_state(server, bad, "error")
    with pytest.raises(CloudError, match="ended in an error"):
        copies.wait(west, [source.id], SOON)
    assert copies.copy(west, source, "us-east-1") != bad
