"""Whether the proof of an earlier run still holds: signature, digests, and what they prove.

Nothing is asked of any host. The signature is over the digests, the digests are over record and
manifests, and the manifests are compared anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.errors import OpsError
from ops.verify import manifest
from ops.verify.compare import compare

if TYPE_CHECKING:
    from ops.inventory.records import Record
    from ops.inventory.repository import Repository


@dataclass
class Evidence:
    """What still can be shown of a run: who signed it, which files are there and unchanged.

    `missing` were cleared away since; `proven` counts, by data set, the files that both
    manifests still list with the same content.
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
        pair = [repo.run_folder(run) / f"{name}.{side}.md5" for side in ("source", "target")]
        whole = all(p.exists() and manifest.beside(p, manifest.MTREE).exists() for p in pair)
        if isinstance(figures, dict) and "files" in figures and whole:
            found.proven[name] = compare(*pair).files
            if found.proven[name] != figures["files"]:
                raise OpsError(
                    f"{run}: the manifests of {name} agree on {found.proven[name]} files,"
                    f" the record says {figures['files']}",
                    "Verify again: this run proves nothing.",
                )
    return found
