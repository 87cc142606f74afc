"""What a transfer is going to do, and when it refuses."""

from dataclasses import replace

import pytest

from ops.errors import Incomplete, Refused
from ops.inventory.schema import Component
from ops.migrate.plan import DatabaseFacts, Facts, SourceFacts, TargetFacts, decide, needs
from ops.plan import Plan
from tests.migrate.test_candidates import _component

SOURCE = SourceFacts(True, True, files=20, entries=25, bytes=1000, allocated=4000)
TARGET = TargetFacts(True, True, free_bytes=10_000, free_entries=1000)
FACTS = Facts(SOURCE, TARGET)


def _decided(facts: Facts, component: Component | None = None, allow_existing: int = 0) -> Plan:
    found = {"pages": facts}
    return decide("wiki", component or _component(), found, allow_existing=allow_existing)


def test_a_data_set_is_one_step_with_files_and_bytes() -> None:
    (step,) = _decided(FACTS).steps
    assert (step.kind, step.subject) == ("files.move", "pages")
    assert "20 files, 1.0 kB from main:/a to main:/a" in step.words


def test_a_missing_root_is_made_first() -> None:
    steps = _decided(replace(FACTS, target=replace(TARGET, found=False))).steps
    assert [step.kind for step in steps] == ["root.make", "files.move"]


def test_an_unmounted_source_is_no_empty_source() -> None:
    with pytest.raises(Refused, match="does not lie on a mounted"):
        _decided(replace(FACTS, source=SourceFacts(False, True)))


def test_a_missing_source_is_refused() -> None:
    with pytest.raises(Refused, match=r"no folder /a on wiki\.campus\.main"):
        _decided(replace(FACTS, source=SourceFacts(True, False)))


def test_an_unmounted_target_is_refused() -> None:
    with pytest.raises(Refused, match=r"wiki.cloud.main does not lie on a mounted"):
        _decided(replace(FACTS, target=TargetFacts(False, True)))


def test_data_of_others_on_the_target_needs_a_counted_argument() -> None:
    facts = replace(FACTS, target=replace(TARGET, files=7))
    with pytest.raises(Refused, match="7 files that no recorded run") as caught:
        _decided(facts)
    assert "allow-existing=7" in caught.value.hint
    with pytest.raises(Refused):
        _decided(facts, allow_existing=6)
    assert _decided(facts, allow_existing=7)


def test_data_of_our_own_runs_is_gone_on_with() -> None:
    plan = _decided(replace(FACTS, target=replace(TARGET, files=7), own=True))
    assert any("7 files of earlier runs" in note for note in plan.notes)


def test_a_set_that_does_not_fit_is_incomplete_before_it_starts() -> None:
    small = replace(FACTS, target=replace(TARGET, free_bytes=999))
    with pytest.raises(Incomplete, match=r"1\.0 kB more are to come") as caught:
        _decided(small)
    assert "larger" in caught.value.hint
    with pytest.raises(Incomplete, match="entries are to come"):
        _decided(replace(FACTS, target=replace(TARGET, free_entries=24)))


def test_holes_and_what_is_there_already_need_no_room() -> None:
    sparse = replace(FACTS, source=replace(SOURCE, bytes=10**12))
    assert needs(sparse) == 4000
    assert needs(replace(FACTS, target=replace(TARGET, allocated=5000))) == 0
    assert needs(replace(FACTS, target=replace(TARGET, bytes=900))) == 100
    assert _decided(sparse)


def test_a_database_is_moved_by_its_hooks_unless_others_have_rows_there() -> None:
    hook = {"script": "x.sh"}
    database = {"kind": "database", "engine": "mariadb", "database": "x", "dump": hook,
                "load": hook, "digest": hook}  # fmt: skip
    component = _component(data={"db": database})
    (step,) = decide("wiki", component, {"db": DatabaseFacts()}).steps
    assert (step.kind, step.subject) == ("database.move", "db")
    with pytest.raises(Refused, match="already holds 7 rows") as caught:
        decide("wiki", component, {"db": DatabaseFacts(7)})
    assert "allow-existing=7" in caught.value.hint
    assert decide("wiki", component, {"db": DatabaseFacts(7)}, allow_existing=7)
    assert decide("wiki", component, {"db": DatabaseFacts(7, own=True)})


def test_an_empty_source_and_unreadable_folders_are_noted() -> None:
    source = replace(SOURCE, files=0, unreadable=("/a/x (Permission denied)",))
    notes = _decided(replace(FACTS, source=source)).notes
    assert "pages: the source is empty" in notes
    assert any("/a/x (Permission denied)" in note for note in notes)


def test_the_same_facts_make_the_same_plan() -> None:
    assert _decided(FACTS).digest == _decided(FACTS).digest
    assert _decided(FACTS).digest != _decided(replace(FACTS, own=True)).digest
