"""The lab's AWS without machines, once for all tests of ops/cloud; names keep them apart."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ops.cloud import groups, instances, keys, volumes, zones
from ops.cloud.calls import Wait
from ops.cloud.session import Cloud
from ops.cloud.tags import COMPONENT, NAME, VOLUME
from ops.cloud.tokens import token
from ops.lab.aws import states
from ops.lab.aws.idle import Idle
from ops.lab.aws.images import IMAGE, ROOT_DEVICE
from ops.lab.aws.server import Server, serve

PUBLIC_KEY = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICpYAhoQQmHhjv2dIE7ZSSsaXFRqgpnHEWheZm64ECNV controller"
)
SOON = Wait(delay=0.01, attempts=50)


def set_state(server: Server, resource: str, state: str) -> None:
    """Make the lab's AWS tell this state of a snapshot, or this health of an instance."""
    states.set_state(server.url, resource, state)


@pytest.fixture(scope="session")
def machines() -> Idle:
    return Idle()


@pytest.fixture(scope="session")
def server(machines: Idle) -> Iterator[Server]:
    served = serve(machines)
    yield served
    served.close()


@pytest.fixture(scope="session")
def calls() -> list[str]:
    """The API calls of all tests so far, in order."""
    return []


@pytest.fixture(scope="session")
def session(server: Server, calls: list[str]) -> Iterator[Cloud]:
    made = Cloud(
        "us-east-1",
        server.url,
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key=lambda: "secret",
        attempts=2,
        throttle_delays=(0.01, 0.01, 0.01),
        watch=calls.append,
    )
    keys.bring_in(made, "ops-controller", PUBLIC_KEY, {})
    yield made
    made.close()


@pytest.fixture
def cloud(session: Cloud, server: Server) -> Iterator[Cloud]:
    server.faults.clear()
    yield session
    server.faults.clear()


@pytest.fixture
def name() -> str:
    """A component of this test's own."""
    return f"c-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def group(cloud: Cloud, name: str) -> groups.Group:
    return groups.create(cloud, name, zones.default_vpc(cloud), "a test", {COMPONENT: name})


@pytest.fixture
def launch(name: str, group: groups.Group) -> instances.Launch:
    return instances.Launch(
        token=token(name, "main", 1, "instance"),
        image=IMAGE,
        type="t3.small",
        zone="us-east-1a",
        key="ops-controller",
        groups=(group.id,),
        root=instances.Disk(ROOT_DEVICE, 10),
        tags={COMPONENT: name, NAME: name},
        user_data=b"#cloud-config\n",
    )


@pytest.fixture
def instance(cloud: Cloud, launch: instances.Launch) -> instances.Instance:
    return instances.run(cloud, launch)


@pytest.fixture
def order(name: str) -> volumes.Order:
    tags = {COMPONENT: name, VOLUME: "data"}
    return volumes.Order(token(name, "main", 1, "volume.data"), "us-east-1a", 5, tags)


@pytest.fixture
def add_volume(
    cloud: Cloud, order: volumes.Order, instance: instances.Instance
) -> Callable[[str], volumes.Volume]:
    """Make a volume and attach it under this device name."""

    def add(device: str) -> volumes.Volume:
        made = volumes.create(cloud, replace(order, token=order.token[:50] + device[-1]))
        volumes.attach(cloud, made.id, instance.id, device)
        return volumes.wait_attached(cloud, made.id, SOON)

    return add
