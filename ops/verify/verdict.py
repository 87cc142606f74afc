"""What a comparison and the faults of both scans amount to. Pure.

A practice run reads a live source. What changed there since the transfer began is counted
apart: it shows that the source lives, not that the transfer failed (ops.verify.since).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ops.verify.differences import Comparison, Difference, Kind
from ops.verify.faults import Fault
from ops.verify.folders import upwards
from ops.verify.since import Since

Verdict = Literal["same", "same-as-of", "different", "incomplete"]

EXIT: Mapping[Verdict, int] = {"same": 0, "same-as-of": 0, "different": 1, "incomplete": 4}

CONTENT: tuple[Kind, ...] = ("missing", "extra", "different", "moved")

_OWN = b"./lost+found"
"""The folder that mkfs.ext4 makes at the root of a file system; empty, it is nobody's data."""


Folder = tuple[str, bytes]
"""Side and path."""


@dataclass
class Judgement:
    """The verdict and what it rests on; `files` and `bytes` are those proven the same.

    In databases the tables stand in the place of files, as `unit` says, and have no bytes.
    """

    verdict: Verdict
    files: int
    bytes: int
    differences: list[Difference] = field(default_factory=list)
    changed_since: list[Difference] = field(default_factory=list)
    metadata: list[Difference] = field(default_factory=list)
    corrupted: list[tuple[str, Fault]] = field(default_factory=list)
    """Side and file: other content than last time under the same metadata."""
    unit: Literal["files", "tables"] = "files"
    source_faults: list[Fault] = field(default_factory=list)
    target_faults: list[Fault] = field(default_factory=list)
    not_entered: list[Folder] = field(default_factory=list)
    """Side and folder: another file system, on which nothing was looked at."""

    @property
    def counts(self) -> dict[str, int]:
        """Return how many of each kind there are, for the record."""
        kinds = Counter[str](difference.kind for difference in self.differences)
        return {
            **{kind: kinds[kind] for kind in CONTENT},
            "metadata": len(self.metadata),
            "corrupted": len(self.corrupted),
            "changed_since": len(self.changed_since),
            "unreadable": len(self.source_faults) + len(self.target_faults),
        }


def judge(
    comparison: Comparison,
    source_faults: list[Fault],
    target_faults: list[Fault],
    *,
    since: Since | None = None,
    corrupted: Mapping[str, list[Fault]] | None = None,
) -> Judgement:
    """Return the judgement of a data set.

    `since` tells what changed on the source after the transfer's start, None when nothing may
    have changed. Nothing below an entry that could not be read counts as a difference: nobody
    knows. Silent corruption on either side is one.
    """
    faulty = {fault.path for fault in (*source_faults, *target_faults)}
    judged = Judgement(
        "same", comparison.files, 0, source_faults=source_faults, target_faults=target_faults
    )
    judged.corrupted = [(side, one) for side, all in (corrupted or {}).items() for one in all]
    unread = False
    for difference in comparison.differences:
        if difference.kind == "metadata":
            judged.metadata.append(difference)
        elif difference.kind == "unread" or _below(difference.path, faulty):
            unread = True
        elif _is_own(difference):
            continue
        elif since is not None and since.excuses(difference):
            judged.changed_since.append(difference)
        else:
            judged.differences.append(difference)
    if judged.differences or judged.corrupted:
        judged.verdict = "different"
    elif faulty or unread:
        judged.verdict = "incomplete"
    elif judged.changed_since:
        judged.verdict = "same-as-of"
    return judged


def _is_own(difference: Difference) -> bool:
    return (difference.path, difference.kind, difference.words) == (_OWN, "extra", "dir")


def _below(path: bytes, faulty: set[bytes]) -> bool:
    return bool(faulty) and any(folder in faulty for folder in upwards(path))
