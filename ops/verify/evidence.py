"""Whether the proof of an earlier run still holds: signature, digests, and what they prove.

Nothing is asked of any host. The signature is over the digests, the digests are over record and
manifests, and the manifests are compared anew, as are the tables that databases told.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import OpsError
from ops.escapes import unescape
from ops.verify import lone, manifest
from ops.verify.compare import compare
from ops.verify.sides import SIDES
from ops.verify.tables import compared, parse

if TYPE_CHECKING:
    from ops.inventory.records import Record
    from ops.inventory.repository import Repository


@dataclass
class Evidence:
    """What still can be shown of a run: who signed it, which files are there and unchanged.

    `missing` were cleared away since; `proven` counts, by data set, the files (or tables)
    that both sides still list with the same content.
    """

    run: str
    signer: str
    record: Record
    unchanged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    proven: dict[str, int] = field(default_factory=dict)


def check(repo: Repository, run: str) -> Evidence:
    """Return the evidence of a run.

    Raise UsageError when there is no such run, OpsError when signature, record or a file was
    changed, or when the manifests say something else than the record.
    """
    record = repo.record(run)
    found = Evidence(run, repo.verify_signature(run), record)
    for name in sorted(record.files):
        (found.unchanged if (repo.path / name).exists() else found.missing).append(name)
    for name, figures in record.figures.items():
        if isinstance(figures, dict):
            _named(found, figures.get("sha256", {}))
            _proven(found, repo.run_folder(run), name, figures)
    return found


def _named(found: Evidence, digests: Mapping[str, str]) -> None:
    """Check the manifests outside the inventory, which the record names with their digests."""
    for name, digest in digests.items():
        path = Path(os.fsdecode(unescape(name)))
        if path.is_file() and lone.sha256(path) != digest:
            raise OpsError(f"{name}: the file was changed after run {found.run}")
        (found.unchanged if path.is_file() else found.missing).append(name)


def _proven(found: Evidence, folder: Path, name: str, figures: Mapping[str, object]) -> None:
    """Compare anew what both sides told of a data set, as far as it is still there."""
    what, told = "files", [folder / f"{name}.{side}.md5" for side in SIDES]
    if "tables" in figures:
        what, told = "tables", [folder / f"{name}.{side}.tables" for side in SIDES]
    there = [*told, *(manifest.beside(path, manifest.MTREE) for path in told)][: _FILES[what]]
    if what not in figures or figures.get("faults") or not all(map(Path.exists, there)):
        return
    found.proven[name] = _agreed(what, told)
    if found.proven[name] != figures[what]:
        raise OpsError(
            f"{found.run}: both sides of {name} agree on {found.proven[name]} {what},"
            f" the record says {figures[what]}",
            "Verify again: this run proves nothing.",
        )


_FILES = {"files": 4, "tables": 2}


def _agreed(what: str, told: list[Path]) -> int:
    if what == "files":
        return compare(*told).files
    return compared(*(parse(path.read_bytes()) for path in told)).files
