"""Sets of a file system that really is frozen: throttled, answered late, lost, hooks failing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import run
from ops.backup import moment, taking, witness
from ops.backup.freeze import NotThawed, ThawedTooEarly, frozen
from ops.backup.hooks import HookFailed
from ops.backup.plan import plan_snapshot
from ops.backup.snapshot import take
from ops.backup.witness import manifest_path
from ops.cloud import sets, snapshots, tags
from ops.cloud.session import Cloud
from ops.cloud.volumes import Volume
from ops.inventory.repository import Repository
from ops.inventory.schema import SnapshotState
from ops.lab.aws.faults import Fault
from ops.lab.aws.server import Server
from ops.remote.local import LocalHost
from ops.verify.scan import Load
from tests.support.aws import SOON
from tests.support.freezing import gone, is_frozen, unhurried, watchdog, writing

pytestmark = pytest.mark.lab

LATE = {"script": "late", "arguments": []}
FAILING = {"script": "failing", "arguments": []}


@pytest.fixture
def repo(provisioned: Repository, mount: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return an inventory whose wiki has its data on a file system of this machine."""
    monkeypatch.setattr(run, "host", lambda *_: LocalHost("wiki.cloud.main"))
    monkeypatch.setattr(taking, "PAUSES", (1.0, 1.0))
    (mount / "page").write_text("before")
    scripts = provisioned.path / "templates"
    (scripts / "late").write_text(f"echo since >'{mount}/late'")
    (scripts / "failing").write_text("exit 3")
    return provisioned


def declare(repo: Repository, mount: Path, **policy: Any) -> None:
    path = repo.path / "components" / "wiki.yaml"
    component = yaml.safe_load(path.read_text())
    target = component["target"]
    target["instances"]["main"]["volumes"]["data"]["mount"] = str(mount)
    common = {"schedule": "0 1 * * *", "keep": {}, "level": "filesystem"}
    names = ("description", "owner")
    told = {name: component[name] for name in names}
    told |= {"target": target, "backup": common | policy}
    path.write_text(json.dumps(told))  # which is YAML, and has no aliases
    repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "add", "-A")
    repo.git.run("-c", "user.name=p", "-c", "user.email=p@x", "commit", "-qm", "another policy")


def snapshot(repo: Repository) -> SnapshotState:
    plan = plan_snapshot("wiki", repo.component("wiki"), repo.state("wiki"))
    return take(repo, "wiki", plan, patience=SOON)


def figures(repo: Repository) -> dict[str, Any]:
    return dict(repo.record(next(repo.runs("wiki", "backup.snapshot"))).figures)


def levels(cloud: Cloud, made: SnapshotState) -> list[str]:
    return [one.tags[tags.LEVEL] for one in snapshots.find(cloud, {tags.SET: made.run})]


def in_motion(repo: Repository, made: SnapshotState) -> frozenset[bytes]:
    return moment.moving(manifest_path(repo.run_folder(made.run), "main", "data"))


def test_nothing_is_frozen_while_a_throttled_call_waits(
    repo: Repository, mount: Path, cloud: Cloud, server: Server
) -> None:
    declare(repo, mount)
    server.faults.add(Fault("CreateSnapshots", "throttle", times=2))
    began = time.monotonic()
    made = snapshot(repo)
    elapsed = time.monotonic() - began
    assert (made.level, levels(cloud, made)) == ("filesystem", ["filesystem"])
    assert server.faults.calls()["CreateSnapshots"] == 3
    assert figures(repo)["seconds_frozen"] < elapsed - 2 * 0.75 * 1.0  # both pauses are outside


def test_a_lost_reply_is_settled_by_one_look(
    repo: Repository, mount: Path, cloud: Cloud, server: Server
) -> None:
    declare(repo, mount)
    server.faults.add(Fault("CreateSnapshots", "lost"))
    made = snapshot(repo)
    assert (made.level, levels(cloud, made), made.unlisted) == ("filesystem", ["filesystem"], "")
    assert server.faults.calls()["CreateSnapshots"] == 1


def test_a_set_that_is_seen_only_after_the_thaw_claims_nothing(
    repo: Repository, mount: Path, cloud: Cloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(repo, mount, fall_back_to="crash")
    server.faults.add(Fault("CreateSnapshots", "lost"))
    looks = iter([sets.warm, lambda *_: ()])

    def look(*given: Any) -> Any:
        return next(looks)(*given)

    monkeypatch.setattr(sets, "warm", look)
    made = snapshot(repo)
    assert (made.level, levels(cloud, made)) == ("crash", ["crash"])
    assert "maybe not while all was frozen" in made.because
    assert figures(repo)["seconds_frozen"] > 0


def test_a_set_whose_reply_and_thaw_were_both_lost_is_found_and_not_taken_twice(
    repo: Repository, mount: Path, cloud: Cloud, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any) -> Any:
        raise NotThawed("the network went away")

    declare(repo, mount, fall_back_to="crash", after=[LATE])
    monkeypatch.setattr(sets, "attempt", lambda *given: cut(sets.take(*given)))
    made = snapshot(repo)
    assert (made.level, levels(cloud, made)) == ("crash", ["crash"])
    assert server.faults.calls()["CreateSnapshots"] == 1
    assert b"./late" in in_motion(repo, made)


@pytest.fixture
def slow(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let AWS answer after the host has thawed by itself."""
    monkeypatch.setattr(run, "host", lambda *_: unhurried(LocalHost("wiki.cloud.main")))
    monkeypatch.setattr(taking, "frozen", partial(frozen, limit=1))
    attempt = sets.attempt

    def late(brisk: Cloud, prepared: sets.Prepared) -> Any:
        made = attempt(brisk, prepared)
        assert gone(watchdog(prepared.request.run))
        return made

    monkeypatch.setattr(sets, "attempt", late)


@pytest.mark.usefixtures("slow")
def test_a_set_that_was_answered_too_late_keeps_the_moment_of_its_freeze(
    repo: Repository, mount: Path, cloud: Cloud
) -> None:
    declare(repo, mount, fall_back_to="crash", before=[LATE], after=[LATE])
    made = snapshot(repo)
    assert (made.level, levels(cloud, made)) == ("crash", ["crash"])
    assert "thawed after 1 s" in made.because
    assert b"./late" in in_motion(repo, made) and b"./page" not in in_motion(repo, made)


@pytest.mark.usefixtures("slow")
def test_without_a_lower_level_what_thawed_too_early_fails_the_backup(
    repo: Repository, mount: Path
) -> None:
    declare(repo, mount)
    with pytest.raises(ThawedTooEarly):
        snapshot(repo)
    assert repo.state("wiki").snapshot is None


def test_a_freeze_that_takes_too_long_falls_back(
    repo: Repository, mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # so long may it take until the freeze waits, and the thaw, on a busy machine
    monkeypatch.setattr(taking, "frozen", partial(frozen, limit=4))
    declare(repo, mount, fall_back_to="crash")
    with writing(mount):
        made = snapshot(repo)
    assert (made.level, made.unlisted) == ("crash", "")
    assert "freezing took more than 4 s" in made.because
    assert gone(watchdog(made.run)) and not is_frozen(mount)


def test_a_hook_that_fails_afterwards_moves_no_moment_and_freezes_nothing_again(
    repo: Repository, mount: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    freezes: list[str] = []

    def counted(*given: Any) -> Any:
        freezes.append(given[1])
        return frozen(*given)

    monkeypatch.setattr(taking, "frozen", counted)
    declare(
        repo, mount, level="application", fall_back_to="filesystem",
        before=[LATE], after=[LATE, FAILING],
    )  # fmt: skip
    made = snapshot(repo)
    assert (made.level, levels(cloud, made), len(freezes)) == ("filesystem", ["filesystem"], 1)
    assert "hook failing failed with 3" in made.because
    assert b"./late" in in_motion(repo, made)


def test_a_hook_that_fails_afterwards_fails_the_backup_where_nothing_lower_is_allowed(
    repo: Repository, mount: Path
) -> None:
    declare(repo, mount, after=[FAILING])
    with pytest.raises(HookFailed):
        snapshot(repo)


def test_what_a_drill_has_left_attached_is_not_in_the_set(
    repo: Repository, mount: Path, cloud: Cloud, add_volume: Callable[[str], Volume]
) -> None:
    declare(repo, mount)
    left = add_volume("/dev/sdz")
    tags.put(cloud, [left.id], {tags.DRILL: "a run"})
    made = snapshot(repo)
    assert [one.volume for one in snapshots.find(cloud, {tags.SET: made.run})] != [left.id]
    assert list(made.ids) == ["data"]


def test_a_first_manifest_that_takes_too_long_delays_no_set(
    repo: Repository, mount: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mount / "large").write_bytes(bytes(1_000_000))
    declare(repo, mount)
    with monkeypatch.context() as patch:
        patch.setattr(witness, "Load", partial(Load, bytes_per_second=10_000))
        patch.setattr(witness, "BEFORE", 1)
        patch.setattr(witness, "AFTER", 1)
        made = snapshot(repo)
    assert (made.level, list(made.ids)) == ("filesystem", ["data"])
    assert "reading was ended after 1 s" in made.unlisted
    assert snapshot(repo).unlisted == ""
