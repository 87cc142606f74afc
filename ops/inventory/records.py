"""Records: what a run did, as evidence that others can check with standard tools.

A run leaves three files in runs/YYYY/MM/: RUN.yaml, the record; RUN.sha256, digests of the
record and of every file that belongs to the run; RUN.sig, a signature of RUN.sha256. In
the folder of the inventory:

    ssh-keygen -Y verify -f allowed_signers -n ops-run -I PRINCIPAL -s RUN.sig < RUN.sha256
    sha256sum -c RUN.sha256
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ops.inventory import document
from ops.inventory.changes import digest
from ops.inventory.journal import Event
from ops.inventory.schema import State
from ops.inventory.schema.state import Instant
from ops.inventory.schema.words import Model

Verdict = Literal["done", "same", "same-as-of", "different", "incomplete", "failed", "interrupted"]

UNFINISHED: frozenset[Verdict] = frozenset({"incomplete", "failed", "interrupted"})


class Who(Model):
    """The account and machine that ran a task."""

    user: str
    host: str


class RecordedStep(Model):
    """A step as it went; without `finished` it was begun, and nobody knows more."""

    kind: str
    subject: str
    words: str
    effect: str
    started: Instant
    finished: Instant | None = None
    facts: dict[str, Any] = Field(default_factory=dict, description="What the step gave back.")
    error: str | None = None


class RunFile(Model):
    """A file that belongs to a run; large ones lie under var/, outside git."""

    sha256: str
    bytes: int


class Record(Model):
    """runs/YYYY/MM/RUN.yaml as a whole."""

    run: str
    task: str
    component: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    who: Who
    suite: str = Field(description="The version of the suite.")
    started: Instant
    finished: Instant
    verdict: Verdict
    error: str | None = None
    plan: str | None = Field(None, description="Digest of the plan that was carried out.")
    steps: list[RecordedStep] = Field(default_factory=list)
    figures: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, RunFile] = Field(default_factory=dict, description="By path in the repo.")


def compose(events: Sequence[Event], now: str) -> Record:
    """Return the record that a journal tells; without an end the run was interrupted `now`."""
    begin, end = events[0], events[-1]
    told: dict[str, Any] = {
        **{name: begin[name] for name in ("run", "task", "component", "arguments", "who", "suite")},
        "started": begin["at"],
        "finished": now,
        "verdict": "interrupted",
        "steps": _steps(events),
        "figures": {e["name"]: e["value"] for e in events if e["event"] == "figure"},
        "files": {e["path"]: e["digest"] for e in events if e["event"] == "file"},
        "plan": next((e["digest"] for e in reversed(events) if e["event"] == "plan"), None),
    }
    if end["event"] == "end":
        told |= {"finished": end["at"], "verdict": end["verdict"], "error": end["error"]}
    return Record.model_validate(told)


def observed(events: Sequence[Event]) -> State | None:
    """Return the last state of the component that the journal holds."""
    states = [event["state"] for event in events if event.get("state") is not None]
    return State.model_validate(states[-1]) if states else None


def paths(run: str, started: str) -> tuple[str, str, str]:
    """Return the paths of a run's record, digests and signature in the repo."""
    stem = f"runs/{started[:4]}/{started[5:7]}/{run}"
    return f"{stem}.yaml", f"{stem}.sha256", f"{stem}.sig"


def yaml_text(record: Record) -> str:
    """Return the record as YAML; what has its default is left out."""
    data = record.model_dump(mode="json", exclude_defaults=True)
    return document.dump(data, "Written by the suite; signed, so don't edit it.").decode()


def digests(record: Record, path: str, text: str) -> str:
    """Return the lines for `sha256sum -c`: the record at `path`, then the run's files."""
    files = {path: digest(text.encode())} | {
        name: file.sha256 for name, file in sorted(record.files.items())
    }
    return "".join(_line(name, sha256) for name, sha256 in files.items())


def file_digest(path: Path) -> RunFile:
    """Return digest and size of the file at `path`."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return RunFile(sha256=sha256, bytes=file.tell())


def _line(name: str, sha256: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{sha256}  {escaped}\n"


def _steps(events: Sequence[Event]) -> list[dict[str, Any]]:
    steps: dict[int, dict[str, Any]] = {}
    for event in events:
        if event["event"] == "step":
            steps[event["number"]] = {**event["step"], "started": event["at"], "facts": {}}
        elif event["event"] == "fact" and event["number"] in steps:
            steps[event["number"]]["facts"] |= event["facts"]
        elif event["event"] in ("done", "failed"):
            _end_step(steps[event["number"]], event)
    return list(steps.values())


def _end_step(step: dict[str, Any], event: Mapping[str, Any]) -> None:
    if event["event"] == "done":
        step["finished"] = event["at"]
        step["facts"] |= event["facts"]
    else:
        step["error"] = event["error"]
