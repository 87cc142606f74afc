"""Read what is known of all backups, from files and a note of what they said last time.

A thousand components are thousands of YAML files; what is needed of them is kept in
var/cache/backups.json with the identity of the files it was read from, and only what has
changed since is read again. The note may be lost, old or damaged: then all is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ops
from ops.backup.standing import LONG_AGO, Known, Proof
from ops.errors import OpsError
from ops.inventory import files
from ops.inventory.schema import (
    LEVELS,
    ArchiveState,
    Backup,
    BackupKind,
    Component,
    SnapshotState,
    State,
)
from ops.inventory.schema.words import seconds

if TYPE_CHECKING:
    from ops.inventory.repository import Repository

_FORM = f"6 {ops.__version__}"
"""Changes with what is noted."""
_LOCALTIME = Path("/etc/localtime")
_GIB = 2**30
_TASKS: dict[BackupKind, str] = {"snapshot": "backup.snapshot", "archive": "backup.run"}


def read(repo: Repository) -> list[Known]:
    """Return what is known of each component and kind that a policy declares, by name.

    A component whose files can't be read is one with a fault: the others are told all the same.
    """
    noted = _noted(repo)
    names = repo.names()
    entries = {name: _entry(repo, name, names, noted.get(name)) for name in names}
    if entries != noted:
        _note(repo, entries)
    elsewhere = repo.site().schedule.engine == "dlm"
    found = [_known(told) for name in names for told in entries[name]["known"]]
    return [
        replace(one, elsewhere=True) if elsewhere and one.kind == "snapshot" else one
        for one in found
    ]


def cron_zone() -> tzinfo:
    """Return the time zone that this machine's cron runs in."""
    try:
        with _LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


def _entry(
    repo: Repository, name: str, names: list[str], noted: dict[str, Any] | None
) -> dict[str, Any]:
    identity = [_identity(repo.path / kind / f"{name}.yaml") for kind in ("components", "state")]
    if noted and noted["files"] == identity:
        return noted
    try:
        found = list(_kinds(name, repo.component(name, names), repo.state(name)))
    except OpsError as error:
        found = [Known(name, "snapshot", "", 0, 0, fault=error.message.splitlines()[0])]
        identity = []  # asked again next time
    return {"files": identity, "known": [_told(one) for one in found]}


def _kinds(name: str, declared: Component, state: State) -> Iterator[Known]:
    policy = declared.backup
    if policy is None:
        return
    limits = (seconds(policy.objective), seconds(policy.drill))
    if declared.has_volumes and state.retirement is None:
        volumes = [one for it in state.instances.values() for one in it.volumes.values()]
        yield Known(
            name,
            "snapshot",
            policy.schedule,
            *limits,
            since=min((_made(one.created_by) for one in volumes), default=None),
            last=state.snapshot.at if state.snapshot else None,
            run=state.snapshot.run if state.snapshot else "",
            newest_run=state.runs.get(_TASKS["snapshot"], ""),
            complete=state.snapshot.complete if state.snapshot else True,
            level=state.snapshot.level if state.snapshot else "",
            size=sum(one.size_gib for one in volumes) * _GIB if state.snapshot else None,
            proof=_proof(state, "snapshot"),
            uncopied=_uncopied(policy, state.snapshot),
            lower=_lower(policy, state.snapshot),
            unlisted=state.snapshot.unlisted if state.snapshot else "",
        )
    if policy.archive:
        yield Known(
            name,
            "archive",
            policy.archive.schedule,
            *limits,
            since=LONG_AGO,
            last=state.archive.at if state.archive else None,
            run=state.archive.run if state.archive else "",
            newest_run=state.runs.get(_TASKS["archive"], ""),
            complete=state.archive.complete if state.archive else True,
            unsound=_unsound(state.archive),
            size=state.archive.bytes if state.archive else None,
            proof=_proof(state, "archive"),
        )


def _made(run: str) -> datetime:
    """Return when the run that made something began, as its id tells; else long ago."""
    try:
        moment = datetime.fromisoformat(run.partition("_")[0])
    except ValueError:
        return LONG_AGO
    return moment if moment.tzinfo else LONG_AGO


def _uncopied(policy: Backup, taken: SnapshotState | None) -> str:
    whole = taken is None or taken.ids.keys() <= taken.copies.keys()
    return "" if whole or policy.copy_to is None else policy.copy_to


def _lower(policy: Backup, taken: SnapshotState | None) -> str:
    if taken is None or LEVELS.index(taken.level) >= LEVELS.index(policy.level):
        return ""
    why = f": {taken.because}" if taken.because else ""
    return f"{taken.level} consistent only, not {policy.level}{why}"


def _unsound(made: ArchiveState | None) -> str:
    if made is None or made.unsound is None:
        return ""
    part = made.unsound.part.replace("/", " of ")
    return f"the repository is not sound, part {part}: {made.unsound.run}"


def _proof(state: State, kind: BackupKind) -> Proof:
    tried, proven = state.drills.get(kind), state.proven.get(kind)
    return Proof(
        tried.at if tried else None, tried.verdict if tried else "", proven.at if proven else None
    )


def _identity(path: Path) -> list[int]:
    try:
        told = path.stat()
    except OSError:
        return []
    return [told.st_mtime_ns, told.st_size, told.st_ino]


def _told(known: Known) -> dict[str, Any]:
    return {
        name: {key: _moment(inner) for key, inner in value.items()} if name == "proof" else value
        for name, value in ((key, _moment(value)) for key, value in asdict(known).items())
    }


def _moment(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _known(told: dict[str, Any]) -> Known:
    proof = {**told["proof"]}
    for where, names in ((told, ("since", "last")), (proof, ("tried", "proven"))):
        for name in names:
            if isinstance(where[name], str):
                where[name] = datetime.fromisoformat(where[name])
    return Known(**{**told, "proof": Proof(**proof)})


def _place(repo: Repository) -> Path:
    return repo.var / "cache" / "backups.json"


def _noted(repo: Repository) -> dict[str, Any]:
    try:
        noted = json.loads(_place(repo).read_bytes())
        return dict(noted["entries"]) if noted["form"] == _FORM else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _note(repo: Repository, entries: dict[str, Any]) -> None:
    """Keep the note where the inventory can be written; without it the next time takes longer."""
    if not repo.var.is_dir():
        return
    try:
        files.make_folder(_place(repo).parent, 0o700)
        files.write(_place(repo), json.dumps({"form": _FORM, "entries": entries}).encode())
    except OSError:
        return
