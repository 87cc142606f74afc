"""Databases are moved by hooks, and only what is whole is loaded; hooks over files stand in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import Refused
from ops.inventory import machine
from ops.migrate import databases, metered
from ops.migrate.engine import bulk, samples
from ops.migrate.engine.ends import Ends
from ops.migrate.reporting.figures import SetFigures, Summary
from ops.verify import checksums
from tests.migrate.fleet import Fleet, fleet
from tests.support.bars import silent

A, B, C = "a" * 32, "b" * 32, "c" * 32
TABLES = f"issue 3 {A}\nuser 2 {B}\n"
DUMP = 'cat "$HOME/db"; echo "-- PostgreSQL database dump complete"'
LOAD = 'grep -v "^--" >"$HOME/db"'
DIGEST = '[ -e "$HOME/db" ] && cat "$HOME/db" || { echo "it does not exist" >&2; exit 1; }'
_SET = """\
  issues:
    kind: database
    engine: postgresql
    database: roundup
    dump: {{script: hooks/dump}}
    load: {{script: hooks/load}}
    digest: {{script: hooks/digest}}
    folder: {folder}
"""


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Fleet]:
    """Give a fleet with a database on campus, and files beside it."""
    hooks = tmp_path / "sample/templates/hooks"
    hooks.mkdir(parents=True)
    for name, text in (("dump", DUMP), ("load", LOAD), ("digest", DIGEST)):
        (hooks / name).write_text(text)
    with fleet(tmp_path, _SET.format(folder=tmp_path)) as made:
        (made.campus.folder / "db").write_text(TABLES)
        (made.source / "page").write_bytes(b"x")
        yield made


def _hook(here: Fleet, name: str, text: str) -> None:
    (here.repo.path / f"templates/hooks/{name}").write_text(text)
    here.repo.git.commit([f"templates/hooks/{name}"], "Change a hook", machine.suite())


def _moved(here: Fleet, allow_existing: int = 0) -> tuple[Summary, SetFigures]:
    summary = metered.rehearse(here.repo, "wiki", allow_existing=allow_existing, bars=silent)
    assert not list(here.home.parent.glob("ops-dump*"))
    assert (here.target / "page").exists()
    return summary, next(each for each in summary.sets if each.name == "issues")


def test_a_database_is_dumped_moved_loaded_and_compared(here: Fleet) -> None:
    summary, issues = _moved(here)
    assert (here.home / "db").read_text() == TABLES
    assert (summary.verdict, issues.tables, issues.rows) == ("done", 2, 5)
    assert issues.sent_bytes == issues.bytes > len(TABLES)
    assert here.repo.state("wiki").transfers["issues"].verdict == "done"
    _, outcomes = checksums.verify(here.repo, "wiki", data="issues")
    assert outcomes[0].judgement.verdict == "same"


@pytest.mark.parametrize(
    ("dump", "told"),
    [
        ('head -n 1 "$HOME/db"', "the dump ends early, after 41 B: its last line is issue 3"),
        ("true", "the dump is empty"),
        (f"{DUMP}; echo cannot lock >&2; exit 3", "the dump hook ended with 3: cannot lock"),
        (f"set -e; ({DUMP}; exit 5) | cat; echo more", "the dump hook ended with 5"),
    ],
)
def test_a_dump_that_is_not_whole_is_not_loaded(here: Fleet, dump: str, told: str) -> None:
    _hook(here, "dump", dump)
    summary, issues = _moved(here)
    assert (summary.exit_code, issues.verdict) == (4, "incomplete")
    assert told in issues.words
    assert "hooks/dump" in issues.words
    assert not (here.home / "db").exists()
    assert "issues" not in here.repo.state("wiki").transfers


def test_a_dump_keeps_to_the_streams_that_are_allowed(
    here: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "WORTH", 0)
    site = here.repo.path / "site.yaml"
    site.write_text(f"{site.read_text()}limits: {{streams: 1}}\n")
    here.repo.git.commit(["site.yaml"], "Allow one stream", machine.suite())
    summary, _ = _moved(here)
    seen = samples.read(here.repo.run_folder(summary.run) / "meter.jsonl.gz")
    assert {lane[0] for one in seen for lane in one.streams or {}} == {"1"}


CUT = """
pid=$PPID
until grep -q ^sshd "/proc/$pid/comm"; do
    [ "${pid:-0}" -gt 1 ] || exit 9
    pid=$(awk '/^PPid/ {print $2}' "/proc/$pid/status")
done
kill -9 "$pid"
"""


@pytest.mark.parametrize(
    ("hook", "text", "hint"),
    [("dump", DUMP, "Nothing was loaded."), ("load", LOAD, "The target's database is not to be")],
)
def test_a_connection_that_breaks_is_incomplete_and_the_next_run_begins_anew(
    here: Fleet, hook: str, text: str, hint: str
) -> None:
    _hook(here, hook, CUT)
    summary, issues = _moved(here)
    assert (summary.exit_code, issues.verdict) == (4, "incomplete")
    assert "the connection broke: " in issues.words
    assert issues.hint.startswith(hint)
    _hook(here, hook, text)
    assert _moved(here)[0].exit_code == 0


def test_a_source_that_is_lost_before_its_turn_is_incomplete_and_no_dump_stays(
    here: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = databases._remove

    def lost(ends: Ends, errand: databases.Errand) -> None:
        Path(errand.folder("target")).mkdir(exist_ok=True)
        here.campus.stop()
        remove(ends, errand)

    monkeypatch.setattr(databases, "_remove", lost)
    summary, issues = _moved(here)
    assert (summary.exit_code, issues.verdict) == (4, "incomplete")
    assert "the connection broke: " in issues.words


def test_a_load_that_fails_is_incomplete_and_done_again(here: Fleet) -> None:
    _hook(here, "load", "echo no role >&2; exit 1")
    summary, issues = _moved(here)
    assert (summary.exit_code, issues.verdict) == (4, "incomplete")
    assert "the load hook ended with 1: no role (hooks/load)" in issues.words
    _hook(here, "load", LOAD)
    assert _moved(here)[0].exit_code == 0


def test_a_load_that_loses_a_row_is_different(here: Fleet) -> None:
    _hook(here, "load", f'grep -v "^--" | sed "s/3 {A}/2 {C}/" >"$HOME/db"')
    summary, issues = _moved(here)
    assert (summary.exit_code, summary.verdict, issues.verdict) == (1, "different", "different")
    assert issues.failed == (("issue", "3 rows here, 2 there"),)
    assert here.repo.state("wiki").transfers["issues"].verdict == "different"
    assert here.repo.state("wiki").phase == "provisioned"


def test_a_table_that_changes_meanwhile_is_told_apart(here: Fleet) -> None:
    _hook(here, "dump", f'sed -i "s/3 {A}/4 {C}/" "$HOME/db"; {DUMP}')
    summary, issues = _moved(here)
    assert (summary.exit_code, issues.changed) == (0, ("issue",))


def test_rows_of_others_on_the_target_are_refused(here: Fleet) -> None:
    (here.home / "db").write_text(f"precious 7 {C}\n")
    with pytest.raises(Refused, match="already holds 7 rows") as refused:
        metered.rehearse(here.repo, "wiki", bars=silent)
    assert "allow-existing=7" in refused.value.hint
    assert _moved(here, allow_existing=7)[0].exit_code == 0
    assert _moved(here)[0].exit_code == 0


def test_an_empty_database_on_campus_is_not_moved(here: Fleet) -> None:
    (here.campus.folder / "db").write_text("")
    summary, issues = _moved(here)
    assert summary.exit_code == 4
    assert "it found no table" in issues.words


def test_a_plan_says_what_the_hooks_will_do(here: Fleet) -> None:
    steps = metered.planned(here.repo, "wiki").steps
    assert "dump postgresql roundup on main, move it to main, load it" in steps[-1].words
