"""The practice run as a whole: moved, recorded, reported, and taken up again."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ops.errors import Refused
from ops.inventory import machine
from ops.migrate import deletes, metered
from ops.migrate.engine import samples
from ops.migrate.reporting.figures import Summary, recorded
from ops.plan import Plan
from ops.remote.errors import HostKeyRefused
from tests.migrate.fleet import Fleet, fleet
from tests.migrate.holding import held
from tests.support.bars import silent
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.waiting import wait_for


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Fleet]:
    with fleet(tmp_path) as made:
        for number in range(10):
            (made.source / f"page {number}").write_bytes(b"x" * 1000)
        yield made


def _rehearse(here: Fleet, allow_existing: int = 0) -> Summary:
    return metered.rehearse(here.repo, "wiki", allow_existing=allow_existing, bars=silent)


def test_a_run_moves_records_and_reports(here: Fleet) -> None:
    (here.source / "left.tmp").write_bytes(b"")
    summary = _rehearse(here)
    assert len(list(here.target.iterdir())) == 10
    assert (summary.verdict, summary.exit_code, summary.sent_files) == ("done", 0, 10)
    record = here.repo.record(summary.run)
    assert record.verdict == "done"
    assert [step.kind for step in record.steps] == ["root.make", "files.move"]
    assert record.figures["sent_bytes"] == 10_000
    assert sorted(Path(name).name for name in record.files) == ["meter.jsonl.gz", "report.html"]
    here.repo.verify_signature(summary.run)
    assert recorded(summary.run, "wiki", record.figures) == summary


def test_the_state_tells_the_transfer_and_the_phase(here: Fleet) -> None:
    summary = _rehearse(here)
    state = here.repo.state("wiki")
    assert state.phase == "rehearsed"
    transfer = state.transfers["pages"]
    assert (transfer.run, transfer.verdict, transfer.files) == (summary.run, "done", 10)
    assert transfer.started <= transfer.finished


def test_the_plan_changes_nothing(here: Fleet) -> None:
    plan = metered.planned(here.repo, "wiki")
    assert [step.kind for step in plan.steps] == ["root.make", "files.move"]
    assert "10 files, 10 kB" in plan.steps[1].words
    assert not here.target.exists()
    assert not list(here.repo.runs())


def test_the_samples_tell_the_phases(here: Fleet) -> None:
    seen = samples.read(here.repo.run_folder(_rehearse(here).run) / "meter.jsonl.gz")
    assert seen[-1].bytes == 10_000
    phases = [phase.name for phase in samples.phases(seen) if phase.name != "probe"]
    assert phases == ["start", "scan", "connect", "transfer", "tidy"]


def test_no_key_of_the_run_stays(here: Fleet) -> None:
    before = here.keys
    _rehearse(here)
    assert here.keys == before


def test_files_of_others_on_the_target_are_refused_and_recorded_so(here: Fleet) -> None:
    here.target.mkdir(parents=True)
    (here.target / "old").write_bytes(b"")
    with pytest.raises(Refused, match="1 files that no recorded run"):
        _rehearse(here)
    assert here.repo.record(next(here.repo.runs())).verdict == "failed"
    assert _rehearse(here, allow_existing=1).verdict == "done"


def test_a_second_run_takes_its_own_files_as_its_own(here: Fleet) -> None:
    _rehearse(here)
    (here.source / "page 3").write_bytes(b"y" * 1001)
    again = _rehearse(here)
    assert (again.files, again.sent_files, again.sent_bytes) == (10, 1, 1001)


def test_a_run_tells_what_is_to_be_sent_and_not_the_whole_set(here: Fleet) -> None:
    _rehearse(here)
    (here.source / "page new").write_bytes(b"z" * 700)
    seen = samples.read(here.repo.run_folder(_rehearse(here).run) / "meter.jsonl.gz")
    told = {(one.total_bytes, one.total_files) for one in seen if one.phase == "transfer"}
    assert told == {(700, 1)}


def test_files_that_cant_be_written_make_it_incomplete(here: Fleet) -> None:
    _rehearse(here)
    (here.target / "page 4").unlink()
    (here.target / "page 4/in the way").mkdir(parents=True)
    summary = _rehearse(here)
    assert summary.exit_code == 4
    assert summary.sets[0].failed == (("page 4", "could not make way"),)
    assert here.repo.record(summary.run).verdict == "incomplete"
    assert here.repo.state("wiki").transfers["pages"].verdict == "incomplete"
    assert "page 4" in (here.repo.run_folder(summary.run) / "report.html").read_text()


def test_another_host_key_on_the_way_is_refused(here: Fleet) -> None:
    here.repo.pin("wiki.cloud.main", here.campus.host_key)
    with pytest.raises(HostKeyRefused):
        _rehearse(here)


@pytest.mark.parametrize(("limit_mbit", "size"), [(20, 60_000_000), (0, 200_000_000)])
def test_a_source_that_is_lost_midway_is_incomplete_and_gone_on_from(
    here: Fleet, limit_mbit: int, size: int
) -> None:
    (here.source / "big").write_bytes(os.urandom(1000) * (size // 1000))
    go_on = held(here.campus.folder / "bin", 64 << 20)
    cutter = threading.Thread(target=_stop_midway, args=[here])
    cutter.start()
    lost = metered.rehearse(here.repo, "wiki", limit_mbit=limit_mbit, bars=silent)
    cutter.join()
    assert (lost.verdict, lost.exit_code) == ("incomplete", 4)
    assert "broke: wiki.campus.main" in lost.sets[0].words
    assert here.keys.count("\n") == 1
    go_on()
    with here.campus:
        (here.campus.folder / "authorized_keys").write_text(here.keys.splitlines()[0])
        here.repo.pin("wiki.campus.main", here.campus.host_key)
        here.declare_port()
        assert _rehearse(here).verdict == "done"
    assert here.keys.count("\n") == 1


def _stop_midway(here: Fleet) -> None:
    wait_for(lambda: any(here.target.glob(".ops-temp/*big*")), 120)
    here.campus.stop()


def test_a_controller_that_is_killed_is_gone_on_from_where_it_was(here: Fleet) -> None:
    size = 200_000_000
    go_on = held(here.campus.folder / "bin", 64 << 20)
    (here.source / "big").write_bytes(os.urandom(1_000_000) * (size // 1_000_000))
    with subprocess.Popen([FAB, "migrate.metered", "wiki"], cwd=PROJECT, env=here.environ) as task:
        try:
            wait_for(lambda: _arrived(here), 120)
        finally:
            task.kill()
    with subprocess.Popen(["flock", here.target, "true"]) as free:
        assert free.wait(120) == 0
    arrived = _arrived(here)
    go_on()
    assert 0 < arrived < size
    assert not (here.target / "big").exists()
    again = _rehearse(here)
    assert again.verdict == "done"
    assert again.sent_bytes <= size - arrived + 10_000
    assert (here.target / "big").read_bytes() == (here.source / "big").read_bytes()
    assert not list(here.target.rglob(".ops-*"))
    assert here.keys.count("\n") == 1


def _arrived(here: Fleet) -> int:
    """Return the bytes of ranges that are there."""
    there = here.target.glob(".ops-temp/big/*.done/*-*")
    return sum(int(path.name.partition("-")[2]) for path in there)


def test_a_missing_source_is_refused(here: Fleet) -> None:
    here.source.rename(here.source.parent / "elsewhere")
    with pytest.raises(Refused, match="there is no folder"):
        _rehearse(here)


def test_an_unmounted_source_is_refused(tmp_path: Path) -> None:
    with fleet(tmp_path) as here:
        file = here.repo.path / "components/wiki.yaml"
        root = f'root: "{tmp_path}/source"'
        file.write_text(file.read_text().replace(root, f'{root}, mount: "{tmp_path}"'))
        here.repo.git.commit(["components/wiki.yaml"], "Declare a mount", machine.suite())
        with pytest.raises(Refused, match="does not lie on a mounted"):
            _rehearse(here)


def test_a_component_that_was_switched_is_not_moved_over(here: Fleet) -> None:
    file = here.repo.path / "state/wiki.yaml"
    file.write_text(file.read_text().replace("phase: provisioned", "phase: switched"))
    here.repo.git.commit(["state/wiki.yaml"], "Switch", machine.suite())
    with pytest.raises(Refused, match="original is in the cloud"):
        _rehearse(here)
    assert metered.ready(here.repo)[0] == []


def _mirrored(here: Fleet, allow_deletes: int = 0) -> Summary:
    return metered.rehearse(
        here.repo, "wiki", mirror=True, allow_deletes=allow_deletes, bars=silent
    )


def test_a_mirror_deletes_in_the_end_what_is_gone_from_the_source(here: Fleet) -> None:
    _rehearse(here)
    (here.source / "page 1").rename(here.source / "page 1 now")
    (here.target / "own.tmp").write_bytes(b"excluded, so not of the set")
    assert _rehearse(here).verdict == "done"
    assert (here.target / "page 1").exists()
    summary = _mirrored(here)
    names = {path.name for path in here.target.iterdir()}
    assert names == {path.name for path in here.source.iterdir()} | {"own.tmp"}
    last = here.repo.record(summary.run).steps[-1]
    assert (last.kind, last.facts) == ("files.delete", {"deleted": 1, "paths": ["page 1"]})


def test_a_mirror_makes_way_for_a_folder_that_became_a_file_or_a_link(here: Fleet) -> None:
    _rehearse(here)
    for number in (1, 2):
        (here.target / f"page {number}").unlink()
        (here.target / f"page {number}/sub").mkdir(parents=True)
        (here.target / f"page {number}/sub/old").write_bytes(b"")
    (here.source / "page 2").unlink()
    (here.source / "page 2").symlink_to("page 1")
    assert _rehearse(here).exit_code == 4
    summary = _mirrored(here)
    assert (summary.verdict, summary.sent_files) == ("done", 1)
    assert (here.target / "page 1").read_bytes() == b"x" * 1000
    assert (here.target / "page 2").is_symlink()
    assert here.repo.record(summary.run).steps[-1].facts["deleted"] == 4


def test_a_mirror_makes_no_way_beyond_the_limit(here: Fleet) -> None:
    _rehearse(here)
    (here.target / "page 1").unlink()
    (here.target / "page 1").mkdir()
    for number in range(15):
        (here.target / f"page 1/{number}").write_bytes(b"")
    with pytest.raises(Refused, match="would delete 15 entries"):
        _mirrored(here)
    assert len(list((here.target / "page 1").iterdir())) == 15


def test_a_mirror_keeps_to_the_limit(here: Fleet) -> None:
    _rehearse(here)
    for number in range(15):
        (here.target / f"other {number}").write_bytes(b"")
    with pytest.raises(Refused, match="would delete 15 entries"):
        _mirrored(here)
    assert len(list(here.target.iterdir())) == 25
    assert _mirrored(here, allow_deletes=15).verdict == "done"
    assert len(list(here.target.iterdir())) == 10


def test_a_mirror_of_a_source_that_became_empty_is_refused(here: Fleet) -> None:
    _rehearse(here)
    for page in here.source.iterdir():
        page.unlink()
    with pytest.raises(Refused, match="is empty"):
        _mirrored(here, allow_deletes=100)
    assert len(list(here.target.iterdir())) == 10


_NESTED = """\
  media:
    kind: files
    source: {{root: "{0}/media"}}
    target: {{root: "{0}/target/pages/media"}}
"""


@pytest.fixture
def nested(tmp_path: Path) -> Iterator[Fleet]:
    """Yield a fleet with a second data set, whose target lies in the first one's."""
    with fleet(tmp_path, _NESTED.format(tmp_path)) as made:
        (tmp_path / "media").mkdir()
        for number in range(20):
            (tmp_path / f"media/{number}").write_bytes(b"x")
        (made.source / "page").write_bytes(b"x")
        yield made


def test_a_mirror_keeps_the_data_set_in_its_folder(nested: Fleet) -> None:
    assert _rehearse(nested).verdict == "done"
    (nested.target / "old").write_bytes(b"")
    assert _mirrored(nested).verdict == "done"
    assert not (nested.target / "old").exists()
    assert len(list((nested.target / "media").iterdir())) == 20


def test_all_data_sets_together_keep_to_the_limit(
    nested: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    _rehearse(nested)
    real = deletes.added

    def late(plan: Plan, gone: Mapping[str, int], allowed: int) -> Plan:
        made = real(plan, gone, allowed)
        for number in range(6):
            (nested.target / f"late {number}").write_bytes(b"")
            (nested.target / f"media/late {number}").write_bytes(b"")
        return made

    for root in (nested.target, nested.target / "media"):
        (root / "old").write_bytes(b"")
    monkeypatch.setattr(deletes, "added", late)
    with pytest.raises(Refused, match="would delete 14 entries"):
        _mirrored(nested)
    assert len(list((nested.target / "media").glob("late *"))) == 6
