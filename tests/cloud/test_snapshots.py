import pytest

from ops.cloud import sets, snapshots, volumes
from ops.cloud.calls import Wait
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.cloud.sets import Request
from ops.lab.aws.server import Server
from tests.support.aws import set_state

SOON = Wait(delay=0.01, attempts=5)


def test_a_snapshot_that_ends_in_an_error_is_told(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request, server: Server
) -> None:
    made = sets.create_set(cloud, request_)
    set_state(server, made[0].id, "error")
    with pytest.raises(CloudError, match=f"{made[0].id}: the snapshot of .* ended in an error"):
        snapshots.wait(cloud, request_.found_by, 2, SOON)


def test_pending_snapshots_are_waited_for_and_then_given_up(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request, server: Server
) -> None:
    made = sets.create_set(cloud, request_)
    set_state(server, made[0].id, "pending")
    with pytest.raises(CloudError, match="not completed after"):
        snapshots.wait(cloud, request_.found_by, 2, SOON)


def test_snapshots_of_others_are_never_asked_for(cloud: Cloud) -> None:
    with pytest.raises(ValueError, match="by tag only"):
        snapshots.find(cloud, {})


def test_a_snapshot_is_removed_once_or_twice(
    cloud: Cloud, data: tuple[volumes.Volume, ...], request_: Request
) -> None:
    made = sets.create_set(cloud, request_)
    snapshots.remove(cloud, made[0].id)
    snapshots.remove(cloud, made[0].id)
    assert [one.id for one in snapshots.find(cloud, request_.found_by)] == [made[1].id]
