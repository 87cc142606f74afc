"""A component's page of evidence: what was done, measured and proven, from records only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ops import quantities
from ops.errors import OpsError
from ops.migrate.engine import samples
from ops.migrate.reporting import figures
from ops.migrate.reporting.report import report as transfer_report
from ops.pages.report import Cell, Figure, Report, Section, Table

if TYPE_CHECKING:
    from ops.inventory.records import Record
    from ops.inventory.repository import Repository
    from ops.inventory.schema.state import State


def report(repo: Repository, names: Sequence[str], before: Sequence[Section] = ()) -> Report:
    """Return the report on these components, `before` in front of their sections.

    Every record's signature is checked here; one that fails makes the verdict bad.
    """
    found = [_component(repo, name) for name in names]
    bad = [name for name, (_, good) in zip(names, found, strict=True) if not good]
    return Report(
        title=f"{' and '.join(names)}: {'not proven yet' if bad else 'moved and proven'}",
        lead="; ".join(repo.component(name).description for name in names),
        sections=[*before, *(section for sections, _ in found for section in sections)],
        verdict=f"not proven: {', '.join(bad)}" if bad else "proven",
        good=not bad,
        foot=("Made from the inventory's signed records alone.",),
    )


def _component(repo: Repository, name: str) -> tuple[list[Section], bool]:
    runs = [repo.record(run) for run in repo.runs(name)]
    signed = {record.run: _signed(repo, record) for record in runs}
    proof, good = _proof(repo, name, signed)
    sections = [proof, *_measured(repo, runs), _runs(runs, signed)]
    return [replace(one, title=f"{name}: {one.title.lower()}") for one in sections], good


def _signed(repo: Repository, record: Record) -> str:
    """Return who signed a run, or "" when record, signature or a file was changed since."""
    try:
        return repo.verify_signature(record.run)
    except OpsError:
        return ""


def _proof(repo: Repository, component: str, signed: dict[str, str]) -> tuple[Section, bool]:
    declared, state = repo.component(component), repo.state(component)
    compared = state.verifications.values()
    same = all(one.verdict in ("same", "same-as-of") for one in compared)
    complete = set(declared.data) == set(state.verifications)
    good = bool(compared) and same and complete and all(signed.values())
    shown = [
        Figure(
            quantities.number(sum(one.files for one in compared)), "files the same on both sides"
        ),
        Figure(quantities.size(sum(one.bytes for one in compared)), "read to the end on both"),
        Figure(f"{sum(map(bool, signed.values()))} of {len(signed)}", "records signed, unchanged"),
        Figure(quantities.number(len(state.snapshot.ids) if state.snapshot else 0), "snapshots"),
    ]
    rows: list[list[Cell]] = [
        [
            name,
            one.verdict.replace("-", " "),
            one.files,
            one.bytes / 1e6,
            one.at.isoformat(" ", "seconds"),
        ]
        for name, one in sorted(state.verifications.items())
    ]
    table = Table(["Data set", "Verdict", "Files", "MB", "At"], rows) if rows else None
    return Section("Proven", _backups(state), figures=shown, table=table), good


def _backups(state: State) -> str:
    """Return in words which snapshots there are, and what of them was restored."""
    if state.snapshot is None:
        return "No snapshot yet."
    ids = ", ".join(f"{volume} {made}" for volume, made in sorted(state.snapshot.ids.items()))
    told = f"Snapshots, {state.snapshot.level} consistent: {ids}."
    if (proof := state.proven.get("snapshot")) is None:
        return f"{told} None was restored yet."
    count = quantities.number(sum(part.files for part in proof.parts))
    which = "They were" if proof.of == state.snapshot.run else f"Those of {proof.of} were"
    return f"{told} {which} restored in {quantities.span(proof.seconds)}, {count} files compared."


def _measured(repo: Repository, runs: Sequence[Record]) -> Iterator[Section]:
    """Yield the sections of the largest transfer: a later one sent what had changed only."""
    moved = [
        (figures.recorded(record.run, record.component or "", record.figures), record)
        for record in runs
        if "sets" in record.figures and record.task == "migrate.metered"
    ]
    if not moved:
        return
    summary, record = max(moved, key=lambda pair: pair[0].sent_bytes)
    meter = repo.run_folder(record.run) / "meter.jsonl.gz"
    seen = samples.read(meter) if meter.exists() else []
    yield from transfer_report(summary, seen, repo.prices()).sections


def _runs(runs: Sequence[Record], signed: dict[str, str]) -> Section:
    rows: list[list[Cell]] = [
        [
            record.started.isoformat(" ", "seconds"),
            record.task,
            record.verdict.replace("-", " "),
            (record.finished - record.started).total_seconds(),
            signed[record.run] or "NOT VALID",
            record.run,
        ]
        for record in reversed(runs)
    ]
    return Section(
        "Runs", table=Table(["Started", "Task", "Verdict", "s", "Signed by", "Run"], rows)
    )
