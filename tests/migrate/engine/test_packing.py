"""What is compressed before it is sent."""

from __future__ import annotations

from ops.migrate.engine.packing import decided


def test_what_gets_smaller_is_packed() -> None:
    lines = [" 1000 400", " 1000 900", "big1 3000 100", "big2 3000 2999"]
    assert decided("zstd", lines, small=False).packed == {"", "big1"}


def test_slow_programs_have_to_gain_more() -> None:
    assert decided("gzip", [" 1000 600", "big 1000 300"], small=False).packed == {"big"}


def test_headers_of_small_files_alone_are_worth_it() -> None:
    assert decided("zstd", [" 1000 1000"], small=True).packed == {""}
    assert decided("zstd", [" 1000 1000"], small=False).packed == frozenset()


def test_files_that_vanished_decide_nothing() -> None:
    assert decided("zstd", [" 0 0", "big 0 13"], small=False).packed == frozenset()
