from collections.abc import Iterator
from dataclasses import replace

import pytest

from ops.cloud import groups, instances, volumes, zones
from ops.cloud.calls import Wait, ask, pages, until
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server


@pytest.fixture
def patient(cloud: Cloud) -> Iterator[Cloud]:
    """A cloud that leaves all patience to us: botocore sends each call once."""
    made = replace(cloud, attempts=1, _clients={})
    yield made
    made.close()


def test_a_throttled_call_is_made_again(patient: Cloud, server: Server) -> None:
    server.faults.add(Fault("DescribeAvailabilityZones", "throttle", times=3))
    assert "us-east-1a" in zones.zones(patient)
    assert server.faults.calls()["DescribeAvailabilityZones"] == 4


def test_throttling_without_end_is_told(patient: Cloud, server: Server) -> None:
    server.faults.add(Fault("DescribeVpcs", "throttle", times=100))
    with pytest.raises(CloudError, match="DescribeVpcs us-east-1: Request limit") as caught:
        zones.default_vpc(patient)
    assert caught.value.code == "RequestLimitExceeded"


def test_a_refusal_is_not_repeated(cloud: Cloud, server: Server) -> None:
    server.faults.add(Fault("DescribeVpcs", code="AuthFailure", status=401, times=5))
    with pytest.raises(CloudError, match="AuthFailure"):
        zones.default_vpc(cloud)
    assert server.faults.calls()["DescribeVpcs"] == 1


def test_a_call_that_the_service_lacks_is_an_error_a_person_understands(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match="does not know ec2 DescribeReservedInstances"):
        ask(cloud, "", cloud.ec2.describe_reserved_instances)


def test_all_pages_are_read(cloud: Cloud, name: str, server: Server) -> None:
    orders = [volumes.Order(f"{name}{n}", "us-east-1a", 1, {"ops:volume": name}) for n in range(7)]
    made = {volumes.create(cloud, order).id for order in orders}
    wanted = [{"Name": "tag:ops:volume", "Values": [name]}]
    call = cloud.ec2.describe_volumes
    answers = pages(cloud, name, call, Filters=wanted, PaginationConfig={"PageSize": 3})
    assert [len(page["Volumes"]) for page in answers] == [3, 3, 1]
    assert {one["VolumeId"] for page in answers for one in page["Volumes"]} == made


def test_a_page_that_is_throttled_loses_nothing(
    patient: Cloud, server: Server, group: groups.Group, name: str
) -> None:
    server.faults.add(Fault("DescribeSecurityGroups", "throttle", times=2))
    assert groups.find(patient, {"ops:component": name}) == (group,)


def test_waiting_ends_when_something_is_found() -> None:
    looks = iter([None, None, "there"])
    assert until(Wait(0, 5), lambda: next(looks), subject="it", goal="there") == "there"


def test_waiting_too_long_says_for_what() -> None:
    with pytest.raises(CloudError, match="vol-1: not available after 0 seconds") as caught:
        until(Wait(0, 3), lambda: None, subject="vol-1", goal="available")
    assert caught.value.code == "WaitTimedOut"


def test_a_reply_lost_for_good_is_uncertain(
    cloud: Cloud, server: Server, instance: instances.Instance
) -> None:
    server.faults.add(Fault("StopInstances", "lost", times=4))
    with pytest.raises(CloudError) as caught:
        instances.stop(cloud, instance.id)
    assert caught.value.uncertain
