"""What EC2 says of the health of instances."""

from __future__ import annotations

from ops.cloud import instances, status
from ops.cloud.instances import Instance
from ops.cloud.session import Cloud
from ops.lab.aws.server import Server
from tests.support.aws import set_state


def test_a_running_instance_is_well(cloud: Cloud, instance: Instance) -> None:
    found = status.find(cloud)[instance.id]
    assert (found.system, found.instance, found.impaired, found.events) == ("ok", "ok", (), ())


def test_a_failing_check_is_named(cloud: Cloud, instance: Instance, server: Server) -> None:
    set_state(server, instance.id, "impaired")
    assert status.find(cloud)[instance.id].impaired == ("system",)
    set_state(server, instance.id, "ok")
    assert status.find(cloud)[instance.id].impaired == ()


def test_an_announced_event_has_its_code_and_time(
    cloud: Cloud, instance: Instance, server: Server
) -> None:
    set_state(server, instance.id, "instance-retirement")
    (event,) = status.find(cloud)[instance.id].events
    assert event.code == "instance-retirement"
    assert event.begins is not None
    assert event.begins.isoformat() == "2030-01-01T03:00:00+00:00"


def test_a_stopped_instance_has_none(cloud: Cloud, instance: Instance) -> None:
    instances.stop(cloud, instance.id)
    assert instance.id not in status.find(cloud)
