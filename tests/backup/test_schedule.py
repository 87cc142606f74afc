"""The lines of the schedule, and the script that they run."""

from __future__ import annotations

import fcntl
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ops.backup import schedule
from ops.backup.schedule import Job, Place, jobs, lines
from ops.errors import Refused
from ops.inventory.schema import Component, Schedule, State, crontimes

PLACE = Place(Path("/srv/ops/.venv/bin/fab"), Path("/srv/ops"), Path("/srv/my inventory"), "ops")
SCRIPT = str(Path(schedule.__file__).with_name("job.sh"))


def settings(**given: object) -> Schedule:
    return Schedule.model_validate(given)


def component(**backup: Any) -> Component:
    told: dict[str, Any] = {"description": "d", "owner": "o"}
    if backup:
        keep = {"schedule": "15 2 * * *", "keep": {"daily": 7}}
        told |= {"backup": keep | backup, "source": {"hosts": {"main": {"address": "a.example"}}}}
    return Component.model_validate(told)


ARCHIVE = {"repository": "/srv/restic", "password": "file:x", "schedule": "45 1 * * *"}
VOLUME = {"data": {"id": "vol-1", "size_gib": 1, "created_by": "run"}}
INSTANCE = {"id": "i-1", "type": "t3.small", "zone": "z", "image": "ami-1", "group": "sg-1"}
READY = State.model_validate(
    {"instances": {"main": {**INSTANCE, "private_address": "192.0.2.1", "volumes": VOLUME}}}
)
EMPTY = State.model_validate({})
GIVEN_UP = State.model_validate(
    {
        **READY.model_dump(mode="json"),
        "retirement": {"run": "r1", "since": "2026-11-22T10:00:00Z", "due": "2026-12-22T10:00:00Z"}
        | {"snapshots": {}},
    }
)


def test_a_provisioned_component_is_snapshot_and_pruned_and_its_campus_side_archived() -> None:
    snapshot, archive, watch = jobs(
        {"wiki": component(archive=ARCHIVE)}, {"wiki": READY}, settings()
    )
    assert snapshot.when == "15 2 * * *"
    assert snapshot.words == (
        "backup.snapshot", "app=wiki", "backup.prune", "app=wiki", "yes=true",
    )  # fmt: skip
    assert archive == Job("archive-wiki", "45 1 * * *", ("backup.run", "app=wiki"))
    assert watch == Job("watch", "20 7 * * *", ("backup.watch",))


def test_archives_are_pruned_after_they_were_made_where_that_is_declared() -> None:
    pruned = {**ARCHIVE, "prune": {"access_key": "file:var/keys/vault"}}
    declared = component(archive=pruned)
    archive = next(one for one in jobs({"wiki": declared}, {"wiki": EMPTY}, settings()))
    assert archive.words[2:] == ("backup.prune", "app=wiki", "archives=true", "yes=true")


@pytest.mark.parametrize(("drill", "days"), [("30d", 1), ("14d", 1), ("7d", 7)])
def test_with_a_scratch_host_backups_are_proven_in_time(drill: str, days: int) -> None:
    declared = component(level="crash", drill=drill)
    found = jobs({"wiki": declared}, {"wiki": READY}, settings(), drills=True)
    [job] = [one for one in found if one.name == "drill-wiki"]
    assert job.words == ("backup.drill", "app=wiki")
    assert len(crontimes.parse(job.when).weekdays) == days
    archived = component(archive=ARCHIVE, drill=drill)
    by_dlm = jobs({"wiki": archived}, {"wiki": READY}, settings(engine="dlm"), drills=True)
    assert ("backup.drill", "app=wiki", "kind=archive") in [one.words for one in by_dlm]
    assert "drill-wiki" not in [
        one.name for one in jobs({"wiki": declared}, {"wiki": EMPTY}, settings(), drills=True)
    ]


@pytest.mark.parametrize(
    ("declared", "state", "engine"),
    [
        (component(), READY, "cron"),
        (component(level="crash"), EMPTY, "cron"),
        (component(level="crash"), READY, "dlm"),
        (component(level="crash"), GIVEN_UP, "cron"),
    ],
)
def test_without_policy_volumes_or_with_dlm_no_snapshot_is_scheduled(
    declared: Component, state: State, engine: str
) -> None:
    [watch] = jobs({"wiki": declared}, {"wiki": state}, settings(engine=engine))
    assert watch.name == "watch"


def test_a_line_has_full_paths_lock_log_limit_and_jitter() -> None:
    [line] = lines([Job("watch", "20 7 * * *", ("backup.watch",))], PLACE, settings())
    when, command = line[:10], shlex.split(line[10:])
    assert when == "20 7 * * *"
    assert command == [
        "OPS_INVENTORY=/srv/my inventory",
        "/srv/ops/ops/backup/job.sh",
        "/srv/my inventory/var/locks/job-watch.lock",
        "/srv/my inventory/var/log/schedule.log",
        "21600",
        "120",
        "/srv/ops/.venv/bin/fab",
        "-r",
        "/srv/ops",
        "backup.watch",
    ]


def test_a_path_that_cron_would_cut_is_refused() -> None:
    odd = Place(PLACE.fab, Path("/srv/100%"), PLACE.inventory, "ops")
    with pytest.raises(Refused, match="100%"):
        lines([], odd, settings())


def job(folder: Path, *words: str, limit: int = 20) -> subprocess.CompletedProcess[str]:
    """Run a job as cron does: without an environment worth its name, and no terminal."""
    command = [SCRIPT, str(folder / "lock"), str(folder / "log"), str(limit), "0", *words]
    return subprocess.run(
        ["/usr/bin/env", "-i", *command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_a_job_that_ends_well_is_logged_and_prints_nothing(tmp_path: Path) -> None:
    done = job(tmp_path, "sh", "-c", "echo $PATH; pwd")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    log = (tmp_path / "log").read_text().splitlines()
    assert [line.split(" ", 2)[2].split(":")[0] for line in log][0::3] == ["begins", "done"]
    assert "/usr/sbin" in log[1]


def test_a_job_that_fails_prints_all_so_that_cron_mails_it(tmp_path: Path) -> None:
    done = job(tmp_path, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert done.returncode == 7
    assert done.stdout == "out\nerr\nfailed with 7: sh -c echo out; echo err >&2; exit 7\n"
    assert "failed with 7" in (tmp_path / "log").read_text()


def test_a_job_is_ended_after_its_limit(tmp_path: Path) -> None:
    done = job(tmp_path, "sleep", "60", limit=1)
    assert done.returncode == 124 and "ended after 1 s, its limit: sleep 60" in done.stdout


def test_a_lock_that_cannot_be_opened_is_logged_and_printed(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    done = job(tmp_path, "touch", str(tmp_path / "ran"))
    assert done.returncode == 1 and f"the lock {tmp_path}/lock can't be opened" in done.stdout
    assert "can't be opened" in (tmp_path / "log").read_text()
    assert not (tmp_path / "ran").exists()


def test_a_large_log_is_moved_away_once(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 10_000_001)
    assert job(tmp_path, "true").returncode == 0 == job(tmp_path, "true").returncode
    assert (tmp_path / "log.1").stat().st_size == 10_000_001
    assert (tmp_path / "log").read_text().count("done: true") == 2


def test_a_second_job_does_not_start_beside_the_first(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = job(tmp_path, "touch", str(tmp_path / "ran"))
    assert done.returncode == 3 and "still at work" in done.stdout
    assert not (tmp_path / "ran").exists()
