"""The tasks of fabfile/backup.py, as a person or cron runs them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml

from ops.backup.plan import plan_snapshot
from ops.backup.snapshot import take
from ops.cloud import instances, snapshots, tags, volumes
from ops.cloud.instances import Launch
from ops.cloud.session import Cloud
from ops.inventory.repository import Repository
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server
from tests.support.aws import SOON
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.inventories import edit
from tests.support.smtp import Smtp

BACKUP = """backup:
  level: crash
  schedule: "15 2 * * *"
  keep: {last: 1}
"""


def fab(repo: Repository, *words: str) -> tuple[int, str, str]:
    """Run `fab WORDS` on the inventory; return exit code, standard output, standard error."""
    environ = {**os.environ, "OPS_INVENTORY": str(repo.path)}
    done = subprocess.run(
        [FAB, *words],
        cwd=PROJECT,
        env=environ,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def there(cloud: Cloud) -> list[str]:
    return [one.id for one in snapshots.find(cloud, {tags.COMPONENT: "wiki"})]


@pytest.fixture
def wiki(provisioned: Repository, cloud: Cloud) -> Repository:
    """An inventory whose wiki has two sets of snapshots and keeps one; no delete is allowed."""
    for one in there(cloud):  # of other tests' wikis, at the same AWS
        snapshots.remove(cloud, one)
    path = provisioned.path / "components" / "wiki.yaml"
    before, _, after = path.read_text().partition("backup:\n")
    path.write_text(before + BACKUP + "\nprobes:" + after.partition("\nprobes:")[2])
    edit(provisioned, "components/wiki.yaml", "keep: {last: 1}", "keep: {last:  1}")
    edit(provisioned, "site.yaml", "deletes: 10", "deletes: 0")
    for _ in range(2):
        decided = plan_snapshot("wiki", provisioned.component("wiki"), provisioned.state("wiki"))
        take(provisioned, "wiki", decided, patience=SOON)
    return provisioned


@pytest.fixture
def mailed() -> Iterator[Smtp]:
    server = Smtp()
    yield server
    server.close()


def test_prune_shows_asks_keeps_to_its_limit_and_deletes(wiki: Repository, cloud: Cloud) -> None:
    code, out, _ = fab(wiki, "backup.prune", "app=wiki", "plan=true", "json=true")
    plan = json.loads(out)
    assert code == 0 and len(plan["steps"]) == 1 and "last 1" in plan["notes"][0]
    code, _, err = fab(wiki, "backup.prune", "app=wiki", "yes=true")
    assert code == 3 and "allow-deletes=1" in err
    code, _, err = fab(wiki, "backup.prune", "app=wiki", "allow-deletes=1")
    assert code == 3 and "yes=true" in err
    assert len(there(cloud)) == 2
    words = ["app=wiki", "allow-deletes=1", "yes=true", f"expect={plan['digest']}"]
    code, out, _ = fab(wiki, "backup.prune", *words)
    assert code == 0 and "1 snapshot deleted" in out
    assert len(there(cloud)) == 1


def test_status_and_watch_tell_what_is_wrong_and_who_was_told(
    wiki: Repository, mailed: Smtp
) -> None:
    edit(wiki, "site.yaml", "smtp: smtp.example.edu", "smtp: 127.0.0.1")
    edit(wiki, "site.yaml", "port: 25\n", f"port: {mailed.port}\n")
    code, out, _ = fab(wiki, "backup.status", "json=true")
    lines = {(one["component"], one["kind"]): one for one in json.loads(out)}
    assert code == 1
    assert lines["wiki", "snapshot"]["level"] == "crash"
    assert lines["documents", "archive"]["faults"] == ["there is none", "never proven"]
    code, out, err = fab(wiki, "backup.watch")
    assert code == 1 and "documents archive: there is none" in out and err == ""
    assert b"documents archive: there is none" in mailed.mails[0]


@pytest.mark.parametrize("count", [3, pytest.param(100, marks=pytest.mark.soak)])
def test_many_components_are_snapshot_once_each_by_an_aws_that_throttles(
    provisioned: Repository, cloud: Cloud, server: Server, launch: Launch, count: int
) -> None:
    names = [f"{launch.tags[tags.COMPONENT]}-{number}" for number in range(count)]
    for name in names:
        stand_in(provisioned, cloud, launch, name)
    provisioned.git.run("add", "components", "state")
    provisioned.git.run("-c", "user.name=p", "-c", "user.email=p@x", "commit", "-qm", "a fleet")
    server.faults.clear()
    for action in ("CreateSnapshots", "DescribeVolumes", "DescribeSnapshots"):
        server.faults.add(Fault(action, "throttle", times=count // 2))
    code, out, err = fab(provisioned, "backup.snapshot", f"app={','.join(names)}", "json=true")
    assert code == 0, err[-2000:]
    calls = server.faults.calls()
    made = snapshots.find(cloud, {tags.COMPONENT: names})
    assert sorted(one.tags[tags.COMPONENT] for one in made) == sorted(names)
    assert {one["ids"]["data"] for one in json.loads(out).values()} == {one.id for one in made}
    assert calls["CreateSnapshots"] == count + count // 2
    assert sum(calls.values()) <= 12 * count


def stand_in(repo: Repository, cloud: Cloud, launch: Launch, name: str) -> None:
    """Make a component with an instance and a volume at the lab's AWS; nobody can log in."""
    made = instances.run(cloud, replace(launch, token=name, tags={tags.COMPONENT: name}))
    order = volumes.Order(f"{name}-data", launch.zone, 1, {tags.COMPONENT: name})
    volume = volumes.create(cloud, order).id
    volumes.attach(cloud, volume, made.id, "/dev/sdf")
    data = {"size_gib": 1, "device": "/dev/sdf", "mount": "/srv/data"}
    declared: dict[str, object] = {
        "type": "t3.small",
        "zone": launch.zone,
        "volumes": {"data": data},
    }
    keep: dict[str, object] = {"level": "crash", "schedule": "15 2 * * *", "keep": {"last": 1}}
    component: dict[str, object] = {"description": "a stand-in", "owner": "a test", "backup": keep}
    component |= {"target": {"instances": {"main": declared}}}
    state: dict[str, object] = {
        "id": made.id,
        "type": "t3.small",
        "zone": launch.zone,
        "image": launch.image,
    }
    state |= {"group": "sg-1", "private_address": "127.0.0.1", "public_address": "127.0.0.1"}
    state |= {"volumes": {"data": {"id": volume, "size_gib": 1, "created_by": "a run"}}}
    for folder, told in (("components", component), ("state", {"instances": {"main": state}})):
        path = repo.path / folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(told))


def test_a_snapshot_says_what_it_lacks_and_so_does_the_status(wiki: Repository) -> None:
    edit(wiki, "components/wiki.yaml", "level: crash", "level: filesystem\n  fall_back_to: crash")
    code, out, _ = fab(wiki, "backup.snapshot", "app=wiki")
    assert code == 0 and "not filesystem consistent, as declared: " in out
    assert "without a manifest, so no drill can prove it: " in out
    code, out, _ = fab(wiki, "backup.status", "json=true")
    assert code == 1 and "crash consistent only, not filesystem: " in out


def test_a_kind_that_cannot_be_drilled_does_not_keep_the_other_from_it(wiki: Repository) -> None:
    code, out, err = fab(wiki, "backup.drill", "app=wiki")
    assert code != 0 and "scratch host" in err
    assert "no archive is declared" in out
