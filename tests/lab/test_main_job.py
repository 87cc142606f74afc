"""The main job as a person does it: provision, move, verify, snapshot; and its proof by others.

One story in the order of its tests: each builds on what the one before has left.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import run
from ops.cloud import snapshots, tags
from ops.inventory.repository import Repository
from ops.lab import demo, lab, traces
from ops.lab.record import Lab
from ops.remote.command import script
from ops.remote.endpoint import ssh_options
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.freezing import unhurried
from tests.support.parts import lose_power

pytestmark = pytest.mark.lab

# Without a watchdog nobody thaws later, so a write that comes back tells of a thaw before it.
WRITABLE = """
! ls /run/ops-freeze.* 2>/dev/null && touch /srv/wiki/thawed && rm /srv/wiki/thawed
"""


class Site:
    """A lab of its own, worked on with fab."""

    def __init__(self, made: Lab) -> None:
        self.lab = made
        self.repo = Repository(made.inventory, PROJECT)

    def fab(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run fab as a person would."""
        environ = {**os.environ, "OPS_INVENTORY": str(self.repo.path)}
        return subprocess.run(
            [FAB, *words], cwd=PROJECT, env=environ, capture_output=True, text=True, check=False
        )

    def done(self, *words: str) -> Any:
        """Run fab with json=true, expect 0, and return its document."""
        ended = self.fab(*words, "json=true")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    def wiki(self, seconds: float = 60) -> None:
        """Read the wiki's page from its instance. Raise OSError when nobody answers."""
        [probe] = [one for one in self.repo.component("wiki").probes if one.kind == "http"]
        address = self.repo.state("wiki").instances["main"].private_address
        with urllib.request.urlopen(f"http://{address}{probe.path}", timeout=seconds) as page:
            assert (probe.expect or "?") in page.read().decode()

    def aws(self, *words: str) -> Any:
        """Ask the lab's AWS with a client that others wrote."""
        site = self.repo.site().cloud
        key = (self.repo.var / "keys/aws-access").read_text().strip()
        environ = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": key, "AWS_PAGER": ""}
        argv = ["aws", "--endpoint-url", str(site.endpoint), "--region", site.region, *words]
        ended = subprocess.run(
            argv, env={**os.environ, **environ}, capture_output=True, text=True, check=True
        )
        return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("main-job") / "lab"
    made = lab.up(folder, "full", lab.Wanted(files=200, pages=24, largest_mb=1.0))
    try:
        yield Site(made)
    finally:
        lab.down(made.path)
    assert traces.found(made) == []


def test_provision_makes_what_is_declared_and_then_has_nothing_to_do(site: Site) -> None:
    site.done("provision", "app=all")
    again = site.fab("provision", "app=all")
    assert (again.returncode, again.stdout.count("nothing to do")) == (0, 3)
    for name in ("wiki", "documents", "scratch"):
        assert site.repo.pinned(f"{name}.cloud.main")


def test_metered_moves_both_without_being_told_which(site: Site) -> None:
    moved = site.done("migrate.metered")
    assert {name: one["verdict"] for name, one in moved.items()} == {
        "wiki": "done",
        "documents": "done",
    }


def test_every_file_is_the_same_on_both_sides(site: Site) -> None:
    proven = site.done("verify.checksums")
    assert {one["verdict"] for one in proven.values()} <= {"same", "same-as-of"}


def test_the_moved_wiki_answers_with_its_pages(site: Site) -> None:
    site.wiki()


def test_one_changed_byte_is_named_alone(site: Site) -> None:
    with run.host(site.repo, "documents", "cloud") as host:
        path = demo.spoil(host, "/srv/documents/store")
    ended = site.fab("verify.checksums", "app=documents", "json=true")
    document = json.loads(ended.stdout)
    different = [
        one for one in document["sets"]["store"]["differences"] if one["kind"] == "different"
    ]
    name = "." + path.removeprefix("/srv/documents/store")
    assert (ended.returncode, [one["path"] for one in different]) == (1, [name])


def test_the_next_run_mends_it(site: Site) -> None:
    assert site.done("migrate.metered", "app=documents")["sent_files"] == 1
    assert site.done("verify.checksums", "app=documents")["verdict"] in ("same", "same-as-of")


def test_a_snapshot_is_taken_frozen_and_thaws(site: Site) -> None:
    taken = site.done("backup.snapshot", "app=wiki")
    assert taken["level"] == "filesystem"
    record = site.repo.record(taken["run"])
    assert record.figures["seconds_frozen"] > 0
    with run.host(site.repo, "wiki", "cloud") as host:
        host.run(script(WRITABLE, root=True), timeout=60)


def test_a_freeze_that_fails_on_the_second_file_system_leaves_none_frozen(site: Site) -> None:
    from ops.backup.freeze import FreezeFailed, frozen

    with run.host(site.repo, "wiki", "cloud") as host:
        with (
            pytest.raises(FreezeFailed, match="root file system"),
            frozen(host, "t1", ["/srv/wiki", "/"]),
        ):
            pass
        with pytest.raises(FreezeFailed), frozen(host, "t2", ["/srv/wiki", "/srv/wiki"]):
            pass
        host.run(script(WRITABLE, root=True), timeout=60)


def test_the_host_thaws_itself_when_nobody_does(site: Site) -> None:
    from ops.backup.freeze import ThawedTooEarly, frozen

    write = script("touch /srv/wiki/thawed && rm /srv/wiki/thawed", root=True)
    gone = script("while ls /run/ops-freeze.* >/dev/null 2>&1; do sleep 0.1; done", root=True)
    with run.host(site.repo, "wiki", "cloud") as host:
        with pytest.raises(ThawedTooEarly), frozen(unhurried(host), "t3", ["/srv/wiki"], limit=1):
            host.run(write, timeout=60)
        host.run(gone, timeout=60)  # the watchdog ends a moment after it has thawed


def test_the_aws_command_line_sees_instance_and_snapshots(site: Site) -> None:
    state = site.repo.state("wiki")
    assert state.snapshot
    tag = f"Name=tag:{tags.COMPONENT},Values=wiki"
    reply = site.aws("ec2", "describe-instances", "--filters", tag)
    [seen] = [one for found in reply["Reservations"] for one in found["Instances"]]
    assert (seen["InstanceId"], seen["State"]["Name"]) == (state.instances["main"].id, "running")
    found = site.aws("ec2", "describe-snapshots", "--owner-ids", "self", "--filters", tag)
    assert {one["SnapshotId"] for one in found["Snapshots"]} == set(state.snapshot.ids.values())


def test_every_record_is_signed_and_checks_with_coreutils(site: Site) -> None:
    sums = sorted(site.repo.path.glob("runs/*/*/*.sha256"))
    assert len(sums) == len(list(site.repo.runs()))
    for one in sums:
        argv = ["sha256sum", "--check", "--quiet", str(one.relative_to(site.repo.path))]
        subprocess.run(argv, cwd=site.repo.path, check=True)
        assert site.repo.verify_signature(one.stem)


def test_status_is_good_when_asked_live(site: Site) -> None:
    site.done("backup.snapshot", "app=documents")
    lines = site.done("status", "live=true")
    assert {line["instance"]["health"] for line in lines} == {"good"}
    assert {line["verification"]["health"] for line in lines} == {"good"}


def test_a_host_that_died_is_replaced_and_its_wiki_answers_again(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert site.done("provision.drift")["drift"] == []
    old = site.repo.state("wiki").instances["main"]
    lose_power(site.repo, old.id)
    with pytest.raises(urllib.error.URLError):
        site.wiki(seconds=2)
    site.done("provision.replace", "app=wiki", "yes=true")
    state = site.repo.state("wiki")
    new = state.instances["main"]
    assert (new.generation, new.volumes) == (old.generation + 1, old.volumes)
    site.wiki()
    endpoint = run.endpoint(site.repo, "wiki", "cloud")
    argv = ["ssh", *ssh_options(endpoint), endpoint.address, "true"]
    subprocess.run(argv, check=True, capture_output=True)
    assert site.done("provision.drift")["drift"] == []
    figures = site.repo.record(state.runs["provision.replace"]).figures
    assert 0 < figures["seconds_without_service"] < figures["seconds_to_ready"]
    with capsys.disabled():
        print(f"\n{figures}")  # noqa: T201 - how long it took here


def test_snapshots_hold_what_was_there(site: Site) -> None:
    state = site.repo.state("wiki")
    assert state.snapshot
    held = snapshots.find(run.cloud(site.repo), {tags.SET: state.snapshot.run})
    assert [one.volume for one in held] == [state.instances["main"].volumes["data"].id]


def test_every_newest_snapshot_is_proven_on_a_scratch_host(site: Site) -> None:
    drilled = site.done("backup.drill", "app=all")
    for name in ("wiki", "documents"):
        proof = site.repo.state(name).proven["snapshot"]
        assert drilled[name]["snapshot"]["run"] == proof.run
        assert sum(part.files for part in proof.parts) > 20
