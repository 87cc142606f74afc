from ops.cloud import zones
from ops.cloud.session import Cloud
from ops.lab.aws.server import Server


def test_the_credentials_say_who_we_are(cloud: Cloud, server: Server) -> None:
    assert zones.identity(cloud).account == server.account


def test_every_zone_has_a_default_subnet_in_the_default_vpc(cloud: Cloud) -> None:
    found = zones.subnets(cloud, zones.default_vpc(cloud))
    assert [subnet.zone for subnet in found if subnet.default] == list(zones.zones(cloud))


def test_a_type_is_offered_by_zones(cloud: Cloud) -> None:
    assert zones.offering(cloud, "t3.small") <= set(zones.zones(cloud))
    assert zones.offering(cloud, "t3.small")


def test_a_type_that_does_not_exist_is_offered_nowhere(cloud: Cloud) -> None:
    assert zones.offering(cloud, "t9.gigantic") == frozenset()
