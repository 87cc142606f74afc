"""Reports of recorded transfers, made anew: of one run, or of several side by side."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from ops.errors import UsageError
from ops.inventory import files
from ops.inventory.records import Record
from ops.inventory.repository import Repository
from ops.migrate.engine import samples
from ops.migrate.engine.samples import Sample
from ops.migrate.reporting import beside, figures, report
from ops.pages.report import html

Seen = tuple[figures.Summary, list[Sample]]


def reported(repo: Repository, runs: Sequence[str]) -> tuple[list[figures.Summary], Path]:
    """Make the page on recorded runs; return their summaries and where the page lies.

    It lies beside the page that belongs to the record, which stays as it was signed; that on
    several runs beside the last one's. Raise UsageError for a run that moved nothing.
    """
    found = [_seen(repo, run) for run in runs]
    folder = repo.run_folder(runs[-1])
    if len(found) == 1:
        path = folder / "report.anew.html"
        summary, seen = found[0]
        text = report.page(summary, seen, repo.template_folders(), repo.prices())
    else:
        path = folder / f"beside.{sha256(' '.join(runs).encode()).hexdigest()[:8]}.html"
        text = html(beside.report(found), repo.template_folders())
    files.make_folder(folder, 0o700)
    files.write(path, text.encode())
    return [summary for summary, _ in found], path


def _seen(repo: Repository, run: str) -> Seen:
    record = repo.record(run)
    if "sets" not in record.figures:
        raise UsageError(
            f"run {run} moved no data", "`fab inventory.history` lists the runs and their tasks."
        )
    meter = repo.run_folder(run) / "meter.jsonl.gz"
    seen = samples.read(meter) if meter.exists() else []
    return figures.recorded(run, _title(record), record.figures), seen


def _title(record: Record) -> str:
    """Return what a run was about: its component, or the places of a copy."""
    places = [str(record.arguments[end]) for end in ("source", "target") if end in record.arguments]
    return record.component or " -> ".join(places) or record.task
