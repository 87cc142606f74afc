"""Records: what a journal tells, and digests that sha256sum checks."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ops.inventory import records
from ops.inventory.journal import Event

BEGIN: Event = {
    "event": "begin",
    "run": "R1",
    "task": "provision",
    "component": "wiki",
    "arguments": {"app": "wiki"},
    "who": {"user": "u", "host": "h"},
    "suite": "0.1.0",
    "at": "2026-11-22T17:00:00.000Z",
}
STEP = {"kind": "volume.create", "subject": "data", "words": "create data", "effect": "add"}


def event(kind: str, **details: Any) -> Event:
    return {"event": kind, "at": "2026-11-22T17:00:01.000Z", **details}


def compose(*events: Event) -> records.Record:
    return records.compose([BEGIN, *events], "2026-11-22T18:00:00.000Z")


def test_a_run_without_an_end_was_interrupted_when_it_was_found() -> None:
    record = compose(event("plan", digest="abc"), event("step", number=0, step=STEP))
    assert (record.verdict, record.plan, record.finished.hour) == ("interrupted", "abc", 18)
    assert record.steps[0].finished is None


def test_facts_of_a_step_under_way_are_not_forgotten() -> None:
    begun = event("step", number=0, step=STEP)
    record = compose(begun, event("fact", number=0, facts={"id": "vol-1"}))
    assert record.steps[0].facts == {"id": "vol-1"}


def test_the_end_tells_verdict_and_error() -> None:
    record = compose(
        event("step", number=0, step=STEP),
        event("failed", number=0, error="no room"),
        event("end", verdict="failed", error="no room"),
    )
    assert (record.verdict, record.error, record.steps[0].error) == ("failed", "no room", "no room")


def test_the_last_state_and_the_last_figure_count() -> None:
    events = [
        event("state", state={"phase": "provisioned"}),
        event("done", number=0, facts={}, state={"phase": "rehearsed"}),
        event("done", number=1, facts={}, state=None),
        event("figure", name="bytes", value=1),
        event("figure", name="bytes", value=2),
    ]
    state = records.observed(events)
    assert state is not None and state.phase == "rehearsed"
    assert compose(event("step", number=0, step=STEP), events[3], events[4]).figures == {"bytes": 2}


def test_sha256sum_checks_names_of_every_kind(tmp_path: Path) -> None:
    names = ["plain", "with space", "back\\slash", "new\nline"]
    for name in names:
        (tmp_path / name).write_text(name)
    record = compose().model_copy(
        update={"files": {name: records.file_digest(tmp_path / name) for name in names}}
    )
    (tmp_path / "R1.yaml").write_text("the record")
    sums = records.digests(record, "R1.yaml", "the record")
    words = ["sha256sum", "--check", "--strict", "--status"]
    subprocess.run(words, cwd=tmp_path, input=sums.encode(), check=True)
    assert sums.count("\n") == 5
