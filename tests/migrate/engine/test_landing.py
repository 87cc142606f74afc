"""What streams have brought is put in place when it is proven whole, and kept until then."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ops.migrate.engine import landing
from ops.migrate.engine.shards import Big
from ops.remote.errors import CommandFailed
from tests.migrate.conftest import TARGET, Cut, Pair

SIZE = 3000
FILE, OTHER = Big(b"sub/na\nme", SIZE, "1000000.5", "7", "1.5"), Big(b"other", SIZE, "2.5", "8")
HALF = SIZE // 2


def _aside(pair: Pair, *spans: tuple[int, int], big: Big = FILE) -> Path:
    """Begin a run and let ranges of the file be there; return where it lies."""
    landing.begin(pair.ends, str(pair.target), "R1")
    aside = pair.target / ".ops-temp/big" / big.key
    done = aside.with_name(f"{big.key}.done")
    done.mkdir(parents=True)
    aside.write_bytes(b"x" * SIZE)
    for offset, length in spans:
        (done / f"{offset}-{length}").touch()
    return aside


def _placed(pair: Pair, *bigs: Big) -> frozenset[str]:
    return landing.place(pair.ends, str(pair.target), "R1", bigs)


def test_a_whole_file_gets_its_name_and_time(pair: Pair) -> None:
    aside = _aside(pair, (HALF, SIZE - HALF), (0, HALF))
    assert _placed(pair, FILE) == {FILE.key}
    there = pair.target / os.fsdecode(FILE.path)
    assert there.read_bytes() == b"x" * SIZE
    assert there.stat().st_mtime == 1_000_000.5
    assert not aside.exists()
    assert not aside.with_name(f"{FILE.key}.done").exists()


@pytest.mark.parametrize("spans", [[], [(0, HALF)], [(0, HALF), (HALF + 1, SIZE - HALF - 1)]])
def test_a_file_with_a_gap_gets_no_name(pair: Pair, spans: list[tuple[int, int]]) -> None:
    aside = _aside(pair, *spans)
    assert _placed(pair, FILE) == frozenset()
    assert aside.exists()
    assert not (pair.target / "sub").exists()


def test_what_cant_be_put_in_place_is_kept_aside_with_its_ranges(pair: Pair) -> None:
    aside = _aside(pair, (0, SIZE))
    (pair.target / "sub").write_bytes(b"in the way")
    assert _placed(pair, FILE) == frozenset()
    assert aside.read_bytes() == b"x" * SIZE
    assert _ranges(pair, FILE) == {(FILE.key, 0, SIZE)}


def test_of_a_list_that_comes_cut_short_nothing_is_placed(pair: Pair) -> None:
    _aside(pair, (0, SIZE))
    ends = replace(pair.ends, target=Cut(TARGET))
    with pytest.raises(CommandFailed, match="bytes of standard input only"):
        landing.place(ends, str(pair.target), "R1", [FILE])
    assert [path.name for path in pair.target.iterdir()] == [".ops-temp"]


def _ranges(pair: Pair, *bigs: Big) -> frozenset[tuple[str, int, int]]:
    return landing.ranges(pair.ends, str(pair.target), "R1", bigs)


def test_ranges_of_files_that_are_not_wanted_any_more_are_removed(pair: Pair) -> None:
    kept, gone = _aside(pair, (0, HALF)), _aside(pair, (0, HALF), big=OTHER)
    assert landing.begin(pair.ends, str(pair.target), "R1")
    assert _ranges(pair, FILE) == {(FILE.key, 0, HALF)}
    assert (kept.exists(), gone.exists()) == (True, False)
    assert _ranges(pair) == frozenset()
    assert not kept.exists()


def test_ranges_of_a_file_that_is_not_there_count_for_nothing(pair: Pair) -> None:
    _aside(pair, (0, SIZE)).unlink()
    assert _ranges(pair, FILE) == frozenset()


def test_ranges_from_before_the_machine_went_down_are_dropped(pair: Pair) -> None:
    aside = _aside(pair, (0, SIZE))
    (pair.target / ".ops-temp/boot").write_text("another\n")
    assert not landing.begin(pair.ends, str(pair.target), "R2")
    assert not aside.exists()


def test_a_run_that_is_not_complete_leaves_ranges_only(pair: Pair) -> None:
    landing.begin(pair.ends, str(pair.target), "R1")
    landing.end(pair.ends, str(pair.target), "R1", complete=False)
    assert list(pair.target.iterdir()) == []
    aside = _aside(pair, (0, HALF))
    landing.end(pair.ends, str(pair.target), "R1", complete=False)
    assert sorted(path.name for path in aside.parent.parent.iterdir()) == ["big", "boot"]
    assert landing.begin(pair.ends, str(pair.target), "R2")
