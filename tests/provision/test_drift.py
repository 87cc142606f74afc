"""What belongs to no declared slot, and how a report reads."""

from __future__ import annotations

from dataclasses import replace

from ops.cloud import tags
from ops.cloud.addresses import Address
from ops.cloud.groups import Group
from ops.provision.drift import Finding, Gap, Ours, Report, strangers
from tests.provision.test_drift_cloud import provisioned


def ours(component: str, slot: str) -> Ours:
    """Return an instance with its volume, a group and an address, all of this slot."""
    account = provisioned().account
    own = {tags.COMPONENT: component, tags.SLOT: slot}
    (instance,), (volume,) = account.instances, account.volumes
    return Ours(
        [replace(instance, tags=own)],
        [replace(volume, tags=own)],
        [Group("sg-1", "theirs", "vpc-1", "", tags=own)],
        [Address("eipalloc-1", "203.0.113.9", "", "", own)],
    )


def test_what_belongs_to_a_declared_slot_is_no_stranger() -> None:
    assert list(strangers(ours("wiki", "main"), {"wiki": ["main"]})) == []


def test_what_belongs_to_none_is_told_once_with_what_to_do() -> None:
    findings = list(strangers(ours("old", "main"), {"wiki": ["main"]}))
    assert [(one.kind, one.subject) for one in findings] == [
        ("unknown", "instance i-1"),
        ("unknown", "group theirs (sg-1)"),
        ("unknown", "address 203.0.113.9"),
    ]
    assert all(one.component == "old" and "our tags" in one.todo for one in findings)


def test_an_undeclared_slot_of_a_declared_component_is_named() -> None:
    first, *_ = strangers(ours("wiki", "spare"), {"wiki": ["main"]})
    assert first.declared == "no such slot spare"


def test_a_volume_without_its_instance_is_told_by_itself() -> None:
    alone = replace(ours("old", "main"), instances=[], groups=[], addresses=[])
    assert [one.subject for one in strangers(alone, {})] == ["volume vol-1"]


def test_the_same_thing_to_do_is_said_once() -> None:
    one = Finding("wiki", "package", "a", "installed", "not installed", "Run it.")
    report = Report((one, replace(one, subject="b")), (Gap("wiki", "wiki.cloud.main", "silent"),))
    assert report.todo() == {"Run it.": list(report.findings)}
    assert report.data()["unasked"] == [
        {"component": "wiki", "subject": "wiki.cloud.main", "why": "silent"}
    ]
