"""This machine and account."""

from __future__ import annotations

import re

from ops.inventory import machine


def test_a_machine_has_a_lasting_id() -> None:
    assert re.fullmatch("[0-9a-f]{32}", machine.machine_id())
    assert machine.machine_id() == machine.machine_id()


def test_the_suite_commits_on_behalf_of_the_account() -> None:
    assert machine.suite().name == "ops"
    assert machine.suite().email == f"{machine.user_name()}@{machine.host_name()}"
