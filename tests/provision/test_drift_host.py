"""Drift inside a host, beyond the cases in tests/cases/provision/drift.yaml."""

from __future__ import annotations

from dataclasses import replace

from ops.provision import drift_host
from ops.provision.drift import Sight
from tests.provision.test_drift_cloud import found, provisioned, told


def test_a_host_that_was_not_believed_is_a_changed_host_key() -> None:
    seen = replace(provisioned().slot(), host=None)
    (one,) = drift_host.findings(Sight(seen, refused="wrong host key; expected A; offered B"))
    assert (one.kind, one.subject) == ("host key", "wiki.cloud.main")
    assert "Nothing was sent to it" in one.todo


def test_a_host_that_could_not_be_asked_has_no_drift_inside() -> None:
    assert list(drift_host.findings(Sight(replace(provisioned().slot(), host=None)))) == []


def test_a_service_without_its_unit_is_told_as_such() -> None:
    made = provisioned()
    assert made.host is not None
    made.host = replace(made.host, units={})
    assert told(found(made)) == [
        "service: apache2: enabled at each boot, not no such unit",
        "service: apache2: running, not no such unit",
    ]
