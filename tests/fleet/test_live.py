"""What AWS and the hosts say now stands beside what the records say."""

from __future__ import annotations

from datetime import UTC, datetime

from ops.cloud import instances
from ops.cloud.session import Cloud
from ops.fleet.live import look
from ops.fleet.status import Line, overview
from ops.inventory.repository import Repository


def seen(repo: Repository) -> Line:
    names, states = {"wiki": repo.component("wiki")}, {"wiki": repo.state("wiki")}
    [line] = look(repo, overview(names, states, datetime.now(UTC)), states)
    return line


def test_a_silent_host_is_a_bad_fact_and_no_error(provisioned: Repository) -> None:
    fact = seen(provisioned).instance
    assert fact.health == "bad"
    assert "running, no answer" in fact.words


def test_a_stopped_instance_is_told_as_stopped(provisioned: Repository, cloud: Cloud) -> None:
    instances.stop(cloud, provisioned.state("wiki").instances["main"].id)
    assert seen(provisioned).instance.words.endswith("stopped")


def test_a_terminated_instance_is_unknown(provisioned: Repository, cloud: Cloud) -> None:
    made = provisioned.state("wiki").instances["main"].id
    instances.protect(cloud, made, on=False)
    instances.terminate(cloud, made)
    assert seen(provisioned).instance.words == f"{made} is unknown to AWS"
