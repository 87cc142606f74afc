"""What tasks recorded: the state of components, and the runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError, UsageError
from ops.inventory import records, signing, validation
from ops.inventory.declared import Declared
from ops.inventory.problems import nearest
from ops.inventory.schema import State

_RUN = re.compile(r"[A-Za-z0-9._-]+")
"""What run ids are made of: nothing that a path or a pattern gives a meaning to."""


@dataclass(frozen=True)
class Recorded(Declared):
    """An inventory with its history."""

    def run_folder(self, run: str) -> Path:
        """Return var/runs/RUN, where a run keeps its large files; it may not exist yet."""
        return self.var / "runs" / run

    def state(self, name: str) -> State:
        """Return what tasks observed about a component; the empty state before the first."""
        path = f"state/{name}.yaml"
        if not (self.path / path).exists():
            return State.model_validate({})
        return validation.value(self._document(path), State)

    def runs(self, component: str = "", task: str = "") -> Iterator[str]:
        """Yield the ids of recorded runs, the newest first; those of a component or task only."""
        listed = sorted((path.stem for path in self.path.glob("runs/*/*/*.yaml")), reverse=True)
        for run in listed:
            words = run.split("_")
            if (not component or component in words[2:3]) and (not task or task == words[1]):
                yield run

    def record(self, run: str) -> records.Record:
        """Return the record of a run. Raise UsageError when there is none."""
        known = _RUN.fullmatch(run) is not None
        found = next(self.path.glob(f"runs/*/*/{run}.yaml"), None) if known else None
        if found is None:
            newest = list(self.runs())
            raise UsageError(f"there is no run {run}{nearest(run, newest)}")
        name = str(found.relative_to(self.path))
        return validation.value(self._document(name), records.Record)

    def unfinished(self, component: str, task: str = "") -> records.Record | None:
        """Return the component's newest record (of `task`) when that run did not end well."""
        newest = next(self.runs(component, task), None)
        record = self.record(newest) if newest else None
        return record if record and record.verdict in records.UNFINISHED else None

    def steps(
        self, component: str, kind: str, task: str = ""
    ) -> Iterator[tuple[str, records.RecordedStep]]:
        """Yield every recorded step of that kind as (run, step), the newest first.

        So "did we create volume vol-1?" is
        `any(step.facts.get("id") == "vol-1" for _, step in repo.steps(name, "volume.create"))`.
        """
        for run in self.runs(component, task):
            for step in reversed(self.record(run).steps):
                if step.kind == kind:
                    yield run, step

    def verify_signature(self, run: str) -> str:
        """Return who signed the run. Raise OpsError when the record or a file was changed.

        Files under var/ that were cleared away since are no fault.
        """
        record = self.record(run)
        yaml, sums, signature = (
            self.path / name for name in records.paths(run, record.started.isoformat())
        )
        if not (sums.exists() and signature.exists()):
            raise OpsError(
                f"{sums.with_suffix('')}: the signature or its digests are gone",
                "Look for them in the history in git.",
            )
        content = sums.read_bytes()
        who = signing.verify(content, signature, self.path / "allowed_signers")
        told = records.digests(record, str(yaml.relative_to(self.path)), yaml.read_bytes().decode())
        if told.encode() != content:
            raise OpsError(f"{yaml}: the record was changed after it was signed")
        for name, file in record.files.items():
            path = self.path / name
            if path.exists() and records.file_digest(path).sha256 != file.sha256:
                raise OpsError(f"{path}: the file was changed after run {run}")
        return who
