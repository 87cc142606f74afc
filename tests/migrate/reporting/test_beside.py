"""Several runs on one page."""

from dataclasses import replace

from ops.migrate.engine.samples import Sample
from ops.migrate.reporting.beside import letters, report
from ops.migrate.reporting.figures import SetFigures, Summary
from ops.pages.report import html

SET = SetFigures("pages", "main:/a", "main:/b", "done", 3.0, 100, 10_000, 100, 10_000, 11_000)
FIRST = Summary("20261122T170102.1Z_a", "wiki", "done", 3.0, (SET,), {})
SECOND = replace(FIRST, run="20261123T170102.1Z_b", verdict="incomplete", forecast={"off": -0.25})
SAMPLES = [
    Sample(0, "pages", "scan"),
    Sample(1, "pages", "transfer"),
    Sample(2, "pages", "tidy", 1, 9),
]


def test_each_run_has_a_column() -> None:
    page = html(report([(FIRST, SAMPLES), (SECOND, SAMPLES)]))
    for told in (FIRST.run, SECOND.run, "-25 %", "not every run was done", "everything arrived"):
        assert told in page
    assert page.count("<svg") == 2


def test_runs_without_samples_have_figures_all_the_same() -> None:
    assert "<svg" not in html(report([(FIRST, []), (FIRST, [])]))


def test_letters_do_not_run_out() -> None:
    assert letters(28)[24:] == ["Y", "Z", "A2", "B2"]
