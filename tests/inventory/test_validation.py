"""From YAML to values: every fault with its place, and in words that say what to write."""

from __future__ import annotations

import pytest

from ops.inventory import validation
from ops.inventory.document import read
from ops.inventory.problems import Broken
from ops.inventory.schema import Component

SOUND = """\
description: The wiki
owner: a role
source: {hosts: {main: {address: wiki.example.edu}}}
data:
  pages: {kind: files, source: {root: /a}, target: {root: /b}}
backup:
  schedule: "1 2 * * *"
  keep: {daily: 7}
"""


def faults(old: str, new: str) -> list[str]:
    """Return what is wrong with SOUND when `new` stands in the place of `old`."""
    assert old in SOUND
    document = read(SOUND.replace(old, new).encode(), "w.yaml")
    with pytest.raises(Broken) as caught:
        validation.value(document, Component)
    return [str(problem) for problem in caught.value.problems]


def test_a_sound_component_is_a_value() -> None:
    assert validation.value(read(SOUND.encode(), "w.yaml"), Component).owner == "a role"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("owner:", "ownr:", "2:1: unknown key ownr; did you mean owner?"),
        ("daily: 7", "dayly: 7", "8:10: unknown key dayly; did you mean daily?"),
        ("root: /b", "rot: /b", "5:53: unknown key rot; did you mean root?"),
        ("daily: 7", "daily: 07", "8:17: backup.keep.daily is 07: a number without a point is"),
        ("daily: 7", "daily: no", "8:17: backup.keep.daily is no: a number without a point is"),
        ("daily: 7", "daily: ", "8:17: backup.keep.daily is empty: a number without a point is"),
        ("daily: 7", "daily: -1", "8:17: backup.keep.daily is -1: input should be greater than"),
        ("a role", "12", "2:8: owner: a text is wanted: put it in quotes"),
        ("kind: files", "kind: fils", "5:17: data.pages.kind is fils: one of 'files', 'database'"),
        ("kind: files, ", "", "5:10: data.pages: `kind` is missing"),
        ("root: /a", "root: /a/", "5:39: data.pages.source.root is /a/: write the path without"),
        ("main:", "Main:", "3:18: the name Main does not match"),
        ("{daily: 7}", "[7]", "8:9: backup.keep: a mapping"),
    ],
)
def test_each_fault_has_its_place_and_words(old: str, new: str, fault: str) -> None:
    assert any(found.startswith(f"w.yaml:{fault}") for found in faults(old, new))


def test_all_faults_come_at_once() -> None:
    assert len(faults("owner: a role\nsource:", "ownr: x\nsouce:")) == 3


@pytest.mark.parametrize("secret", ["hunter2", "12345", "true", "[hunter2]"])
def test_what_stands_in_the_place_of_a_reference_is_never_told(secret: str) -> None:
    archive = f'archive: {{repository: r, schedule: "1 2 * * *", password: {secret}}}\n  keep'
    assert secret.strip("[]") not in "\n".join(faults("keep", archive))


def test_a_dangling_reference_is_told_with_the_nearest_name() -> None:
    text = SOUND.replace("source: {root: /a}", "source: {root: /a, host: mian}")
    document = read(text.encode(), "w.yaml")
    component = validation.value(document, Component)
    found = [str(problem) for problem in validation.dangling(document, component.dangling())]
    assert found[0] == "w.yaml:5:49: nothing is called mian; did you mean main?"


def test_of_very_many_faults_the_first_are_told() -> None:
    told = faults("owner: a role", "".join(f"k{number}: 1\n" for number in range(200)))
    assert len(told) == 51 and told[-1].endswith("... and 151 more in this file")


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("protocol: udp, from: [192.0.2.0/24]", "udp wants a port"),
        ("from: [192.0.2.0/24]", "tcp wants a port"),
        ("protocol: icmp, port: 8, from: [192.0.2.0/24]", "icmp has no ports"),
        ("port: 90, last_port: 80, from: [192.0.2.0/24]", "last_port 80 comes before port 90"),
        ("port: 90, from: [192.0.2.1/24]", "has host bits set"),
    ],
)
def test_a_rule_that_ec2_would_refuse_is_a_fault(rule: str, fault: str) -> None:
    instance = f"{{type: t3.small, zone: us-east-1a, rules: [{{{rule}}}]}}"
    target = f"owner: a role\ntarget: {{instances: {{main: {instance}}}}}"
    (found,) = faults("owner: a role", target)
    assert found.startswith("w.yaml:3:")
    assert fault in found
