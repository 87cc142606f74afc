from ops.cloud import addresses
from ops.cloud.calls import Wait
from ops.cloud.instances import Instance
from ops.cloud.session import Cloud
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server

SOON = Wait(delay=0.01, attempts=5)


def test_an_address_is_taken_once(cloud: Cloud, name: str) -> None:
    made = addresses.allocate(cloud, {"ops:component": name})
    assert addresses.allocate(cloud, {"ops:component": name}) == made
    assert addresses.find(cloud, {"ops:component": name}) == (made,)


def test_a_lost_reply_takes_one_address(cloud: Cloud, name: str, server: Server) -> None:
    server.faults.add(Fault("AllocateAddress", "lost"))
    made = addresses.allocate(cloud, {"ops:component": name}, SOON)
    assert addresses.find(cloud, {"ops:component": name}) == (made,)
    assert server.faults.calls()["AllocateAddress"] == 1


def test_an_address_is_given_and_taken(
    cloud: Cloud, instance: Instance, name: str, server: Server
) -> None:
    made = addresses.allocate(cloud, {"ops:component": name})
    server.faults.add(Fault("AssociateAddress", "lost"))
    addresses.associate(cloud, made, instance.id)
    given = addresses.find(cloud, {"ops:component": name})[0]
    assert given.instance == instance.id
    server.faults.add(Fault("DisassociateAddress", "lost"))
    addresses.disassociate(cloud, given)
    assert addresses.find(cloud, {"ops:component": name}) == (made,)
