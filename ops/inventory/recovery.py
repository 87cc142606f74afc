"""The end of a run: its record and the component's new state as one signed commit.

A run that ended and a run that died are written by the same words; a dead one is finished by
the next task, from its journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ops.inventory import changes, document, files, journal, machine, records
from ops.inventory.git import Git
from ops.inventory.journal import Event
from ops.inventory.repository import Repository
from ops.inventory.schema import State
from ops.inventory.signing import Signer

_HEADING = "Written by tasks, who observed it; don't edit it."


def finish(repo: Repository, git: Git, signer: Signer, path: Path, now: str) -> records.Record:
    """Write the run of the journal at `path` into the repo; return its record.

    `git` stands for the repository lock, which must be held; `now` is when a run without an
    end is said to have ended.
    """
    events = journal.read(path)
    record = records.compose(events, now)
    changes.carry_out(git, _change(repo, signer, record, records.observed(events)))
    _put_away(repo, path)
    return record


def recover(repo: Repository, git: Git, signer: Signer, now: str) -> list[records.Record]:
    """Finish what crashed tasks left behind; return the records of their runs."""
    files.leftover(repo.known_hosts).unlink(missing_ok=True)
    for path in (repo.var / "journal").glob(f".*{files.TEMPORARY}"):
        path.unlink()  # a run that died before it began: they begin under this lock
    changes.finish(git)
    git.mend_index("state", "runs", "known_hosts")
    found: list[records.Record] = []
    for path in journal.orphans(repo.var / "journal"):
        events = journal.read(path)
        if not events:
            files.remove(path)
        elif _is_recorded(repo, events):
            _put_away(repo, path)
        else:
            found.append(finish(repo, git, signer, path, now))
    return found


def _change(
    repo: Repository, signer: Signer, record: records.Record, state: State | None
) -> changes.Change:
    yaml, sums, signature = records.paths(record.run, record.started.isoformat())
    text = records.yaml_text(record)
    listed = records.digests(record, yaml, text)
    contents = {yaml: text, sums: listed, signature: signer.sign(listed.encode())}
    if record.component:
        new = _with_run(state or repo.state(record.component), record)
        contents[f"state/{record.component}.yaml"] = state_text(new)
    return changes.Change(
        name=record.run,
        message=f"{record.task} {record.component or ''}".strip()
        + f": {record.verdict}\n\nRun: {record.run}\n",
        author=machine.suite(),
        contents=contents,
        also=("known_hosts",) if repo.known_hosts.exists() else (),
    )


def state_text(state: State) -> str:
    """Return a state as YAML; what has its default is left out."""
    data = state.model_dump(mode="json", exclude_defaults=True)
    return document.dump(data, _HEADING).decode()


def _with_run(state: State, record: records.Record) -> State:
    return state.model_copy(update={"runs": {**state.runs, record.task: record.run}})


def _is_recorded(repo: Repository, events: Sequence[Event]) -> bool:
    yaml = records.paths(events[0]["run"], events[0]["at"])[0]
    return (repo.path / yaml).exists()


def _put_away(repo: Repository, path: Path) -> None:
    files.move(path, repo.run_folder(path.stem) / "journal.jsonl")
