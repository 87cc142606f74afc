"""The verification of a component whose hosts are two sshds on loopback."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops import run
from ops.errors import OpsError, UsageError
from ops.inventory import machine, recovery
from ops.inventory.schema import Component, State, TransferState
from ops.remote.host import Host
from ops.verify import checksums, evidence, filesets, lone, planning, scrub, wording
from ops.verify.faults import Fault
from ops.verify.scan import Load, Scan, scan
from ops.verify.sides import Outcome
from tests.migrate.fleet import Fleet, fleet
from tests.support.fabric_tree import PROJECT
from tests.verify import trees


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as made:
        yield made


@pytest.fixture
def here(shared: Fleet) -> Iterator[Fleet]:
    """Give a fleet whose target is a copy of its source, moved a moment ago.

    What lies there is older by more than an answer of a host may take, by which nobody knows how
    far the host's clock is from ours.
    """
    trees.plant_all(shared.source)
    trees.plant(shared.source, {b"left-out.tmp": b"x"})
    before = time.time() - 3600
    for path in (*shared.source.rglob("*"), shared.source):
        os.utime(path, (before, before), follow_symlinks=False)
    shutil.copytree(
        shared.source, shared.target, symlinks=True, copy_function=_copy, dirs_exist_ok=True
    )
    (shared.target / "left-out.tmp").unlink()
    time.sleep(0.05)
    _moved(shared, datetime.now(UTC))
    yield shared
    shutil.rmtree(shared.source)
    shutil.rmtree(shared.target)
    shared.source.mkdir()


def _copy(source: str, target: str) -> None:
    if Path(source).is_fifo():
        os.mkfifo(target)
    elif Path(source).is_socket():
        os.mknod(target, 0o140644)
    else:
        shutil.copy2(source, target)


def _moved(here: Fleet, started: datetime) -> None:
    told = TransferState(
        run="r", started=started, finished=started, verdict="done", files=1, bytes=1, seconds=1.0
    )
    state = here.repo.state("wiki").model_copy(
        update={"transfers": {"pages": told}, "phase": "rehearsed", "verifications": {}}
    )
    (here.repo.path / "state/wiki.yaml").write_text(recovery.state_text(state))
    here.repo.git.commit(["state/wiki.yaml"], "Move wiki", machine.suite())


def _verified(here: Fleet) -> Outcome:
    _, (outcome,) = checksums.verify(here.repo, "wiki")
    return outcome


def _paths(outcome: Outcome) -> list[tuple[str, bytes]]:
    return [(each.kind, each.path) for each in outcome.judgement.differences]


def test_a_faithful_copy_is_the_same_and_the_proof_is_kept(here: Fleet) -> None:
    run, (outcome,) = checksums.verify(here.repo, "wiki")
    assert outcome.judgement.verdict == "same"
    assert outcome.judgement.files == len(trees.walk(here.target))
    record = here.repo.record(run)
    assert record.verdict == "same"
    assert record.figures["pages"]["files"] == outcome.judgement.files
    assert {Path(name).name for name in record.files} >= {
        "pages.source.md5",
        "pages.target.md5",
        "pages.source.md5.mtree",
    }
    assert here.repo.verify_signature(run)
    state = here.repo.state("wiki")
    assert (state.phase, state.verifications["pages"].verdict) == ("verified", "same")


def test_one_byte_changed_on_the_target_is_named_exactly(here: Fleet) -> None:
    here.target.joinpath("plain").write_bytes(b"plaIn")
    outcome = _verified(here)
    assert outcome.judgement.verdict == "different"
    assert _paths(outcome) == [("different", b"./plain")]
    assert here.repo.state("wiki").phase == "rehearsed"


def test_what_changes_on_the_source_later_is_told_apart(here: Fleet) -> None:
    here.source.joinpath("plain").write_bytes(b"edited")
    here.source.joinpath("new").write_bytes(b"new")
    here.source.joinpath("empty").unlink()
    outcome = _verified(here)
    assert outcome.judgement.verdict == "same-as-of"
    assert {each.path for each in outcome.judgement.changed_since} == {
        b"./plain",
        b"./new",
        b"./empty",
    }
    assert here.repo.state("wiki").verifications["pages"].verdict == "same-as-of"


def test_what_was_different_before_the_transfer_is_no_later_change(here: Fleet) -> None:
    here.source.joinpath("plain").write_bytes(b"edited")
    _moved(here, datetime.now(UTC) + timedelta(seconds=600))
    assert _paths(_verified(here)) == [("different", b"./plain")]


@pytest.mark.parametrize("lost", [False, True])
def test_a_later_chmod_on_the_source_excuses_nothing(here: Fleet, lost: bool) -> None:
    status = here.target.joinpath("plain").stat()
    if lost:
        here.target.joinpath("plain").unlink()
    else:
        here.target.joinpath("plain").write_bytes(b"plaIn")
        os.utime(here.target / "plain", ns=(status.st_mtime_ns, status.st_mtime_ns))
    for path in here.source.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o600 if path.is_file() else 0o755)
    outcome = _verified(here)
    assert outcome.judgement.verdict == "different"
    assert _paths(outcome) == [("missing" if lost else "different", b"./plain")]


def test_a_missing_root_is_an_error_and_recorded_as_failed(here: Fleet) -> None:
    here.target.rename(here.target.with_name("away"))
    try:
        with pytest.raises(OpsError, match="there is no"):
            checksums.verify(here.repo, "wiki")
    finally:
        here.target.with_name("away").rename(here.target)
    newest = next(here.repo.runs("wiki", "verify.checksums"))
    assert here.repo.record(newest).verdict == "failed"


def test_an_unknown_data_set_is_a_usage_error(here: Fleet) -> None:
    with pytest.raises(UsageError, match="has no data set page"):
        checksums.verify(here.repo, "wiki", data="page")


def test_only_components_with_a_transfer_are_candidates(here: Fleet) -> None:
    components = {"wiki": here.repo.component("wiki"), "other": here.repo.component("wiki")}
    states = {"wiki": here.repo.state("wiki"), "other": State.model_validate({})}
    ready, others = checksums.candidates(components, states)
    assert (ready, others) == (["wiki"], {"other": "has no recorded transfer"})


def test_a_second_verification_reads_nothing_again_but_all_when_full(here: Fleet) -> None:
    time.sleep(0.05)
    assert _verified(here).read == 1.0
    assert _verified(here).read == 0.0
    _, (outcome,) = checksums.verify(here.repo, "wiki", full=True)
    assert (outcome.read, outcome.judgement.verdict) == (1.0, "same")


def test_silent_corruption_makes_it_different_and_names_the_side(here: Fleet) -> None:
    time.sleep(0.05)
    checksums.verify(here.repo, "wiki")
    look = here.repo.var / "looks/wiki/pages.target.look"
    look.write_bytes(look.read_bytes().replace(trees.walk(here.target)[b"./plain"], b"f" * 32, 1))
    _, (outcome,) = checksums.verify(here.repo, "wiki", full=True)
    told = [(side, fault.path, fault.kind) for side, fault in outcome.judgement.corrupted]
    assert (b"./plain" in [path for _, path, _ in told]) and told[0][0] == "target"
    assert outcome.judgement.verdict == "different"


def test_what_one_side_did_not_read_counts_neither_as_file_nor_as_bytes(
    here: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _verified(here).judgement
    real = scan

    def unread(host: Host, *words: Any, **more: Any) -> Scan:
        found = real(host, *words, **more)
        if host.name.startswith("wiki.cloud"):
            found.digests[found.look.paths.index(b"./plain")] = None
            found.faults.append(Fault(b"./plain", "unreadable", "Input/output error"))
        return found

    monkeypatch.setattr(filesets, "scan", unread)
    judged = _verified(here).judgement
    assert (judged.verdict, judged.differences) == ("incomplete", [])
    assert (judged.files, judged.bytes) == (whole.files - 1, whole.bytes - len(b"plain"))


def test_the_scrub_reads_its_share_of_the_target(here: Fleet) -> None:
    time.sleep(0.05)
    checksums.verify(here.repo, "wiki", full=True)
    run, verdict, found = scrub.scrub(here.repo, "wiki")
    assert verdict == "done"
    assert 0 < found["pages"].read_files < found["pages"].files
    assert here.repo.record(run).figures["pages"]["corrupted"] == 0


def test_evidence_holds_until_something_is_changed(here: Fleet) -> None:
    run, _ = checksums.verify(here.repo, "wiki")
    found = evidence.check(here.repo, run)
    assert found.proven == {"pages": len(trees.walk(here.target))}
    assert found.missing == []
    listed = here.repo.run_folder(run) / "pages.target.md5"
    content = listed.read_bytes()
    listed.write_bytes(content.replace(b"./plain", b"./plaim"))
    with pytest.raises(OpsError, match="was changed after run"):
        evidence.check(here.repo, run)
    listed.unlink()
    assert [Path(name).name for name in evidence.check(here.repo, run).missing] == [
        "pages.target.md5"
    ]


def test_a_stranger_checks_the_proof_with_the_commands_of_the_readme(here: Fleet) -> None:
    run, _ = checksums.verify(here.repo, "wiki")
    (sums,) = here.repo.path.glob(f"runs/*/*/{run}.sha256")
    text = (PROJECT / "README.md").read_text().partition("## What a record proves")[2]
    told = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    (name, sign, digests), (ask,) = told[:3], [line for line in told if "md5sum" in line]
    who = (here.repo.path / "allowed_signers").read_text().split()[0]
    named = re.sub("=.*", f"={sums.relative_to(here.repo.path).with_suffix('')}", name)
    signed = re.sub("-I [^ ]+", f"-I {who}", sign)
    assert _stranger(here.repo.path, f"{named}; {signed} && {digests}") == 0
    listed = here.repo.run_folder(run) / "pages.target.md5"
    asked = ask.replace("/srv/wiki/data", str(here.target)).replace("~/pages.target.md5", "$LISTED")
    assert _stranger(here.repo.path, asked, LISTED=str(listed)) == 0
    (here.target / "plain").write_bytes(b"other")
    assert _stranger(here.repo.path, asked, LISTED=str(listed)) == 1


def _stranger(folder: Path, text: str, **environ: str) -> int:
    environ |= {"PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["sh", "-c", text], cwd=folder, env=environ, capture_output=True, check=False
    ).returncode


def test_a_memory_of_a_host_is_of_its_instance_and_its_load_as_declared(here: Fleet) -> None:
    with run.host(here.repo, "wiki", "cloud") as host:
        told = lone.remembered("wiki.cloud.main", here.repo, host, "/srv")
        assert told == "wiki.cloud.main /srv i-0123"
        assert lone.remembered("a@b", here.repo, host, "/srv") == "wiki.cloud.main /srv"
    declared = {"processes": 1, "nice": 7, "bytes_per_second": 12_000_000}
    plain: dict[str, Any] = here.repo.component("wiki").model_dump(mode="json")
    plain["source"]["hosts"]["main"]["load"] = declared
    component = Component.model_validate(plain)
    assert filesets.declared_load(component, "source", "main") == Load(1, 7, 12_000_000)
    assert lone.allowed("wiki.campus.main", here.repo) == Load()
    assert lone.allowed("wiki.cloud.main", here.repo) == Load()
    assert lone.allowed("a@b", here.repo) is None


def test_another_file_system_in_a_data_set_is_named_in_plan_and_verdict(here: Fleet) -> None:
    disk = here.source / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "small", str(disk)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounts need root")
    try:
        told = "not entered on the source ./disk (another file system)"
        assert told in planning.planned(here.repo, "wiki").steps[0].words
        judged = _verified(here).judgement
        assert judged.not_entered == [("source", b"./disk")]
        assert told in wording.judgement(judged)
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.fixture
def application(here: Fleet, tmp_path: Path) -> Iterator[Path]:
    """Give a folder that the inventory names as one of the application's."""
    folder, declared = tmp_path / "app", here.repo.path / "components/wiki.yaml"
    trees.plant(folder, {b"conf/local": b"local", b"disk/hidden": b""})
    before = declared.read_text()
    declared.write_text(before.replace("source:\n", f"source:\n  application: [{folder}]\n", 1))
    here.repo.git.commit(["components/wiki.yaml"], "Name the application", machine.suite())
    yield folder
    declared.write_text(before)
    here.repo.git.commit(["components/wiki.yaml"], "Name no application", machine.suite())


def test_the_plan_tells_what_no_data_set_covers_also_on_another_disk(
    here: Fleet, application: Path
) -> None:
    disk = application / "disk"
    words = ["mount", "-t", "tmpfs", "small", str(disk)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounts need root")
    try:
        trees.plant(disk, {b"a": b"a", b"b": b"b"})
        notes = planning.planned(here.repo, "wiki").notes
    finally:
        subprocess.run(["umount", disk], check=True)
    assert f"no data set covers {application}/conf on main: 1 files, 5 B" in notes
    assert f"no data set covers {disk} on main: 2 files, 2 B" in notes


def test_the_plan_tells_sizes_and_reads_nothing(here: Fleet) -> None:
    decided = planning.planned(here.repo, "wiki", full=True)
    (step,) = decided.steps
    files = trees.walk(here.target)
    assert step.arguments["source_files"] == step.arguments["target_files"] == len(files)
    assert step.arguments["target_read"] == step.arguments["target_bytes"]
    assert decided.notes == ()
