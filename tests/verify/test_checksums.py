"""The verification of a component whose hosts are two sshds on loopback."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.errors import OpsError, UsageError
from ops.inventory import machine, recovery
from ops.inventory.schema import State, TransferState
from ops.verify import checksums
from ops.verify.checksums import Outcome
from tests.migrate.fleet import Fleet, fleet
from tests.verify import trees


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as made:
        yield made


@pytest.fixture
def here(shared: Fleet) -> Iterator[Fleet]:
    """Give a fleet whose target is a copy of its source, moved a moment ago."""
    trees.plant_all(shared.source)
    trees.plant(shared.source, {b"left-out.tmp": b"x"})
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
    _moved(here, datetime.now(UTC) + timedelta(seconds=5))
    assert _paths(_verified(here)) == [("different", b"./plain")]


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
