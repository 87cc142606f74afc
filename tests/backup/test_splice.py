"""The suite's block in a crontab: put there as text, nothing else touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.backup.splice import spliced
from ops.errors import Refused

WHERE = "/srv/inventory"
LINES = ["15 2 * * * one", "20 7 * * * two"]
BLOCK = (
    b"# BEGIN ops-suite /srv/inventory - written by `fab backup.schedule`: edits in here get lost\n"
    b"SHELL=/bin/sh\nMAILTO=ops\n15 2 * * * one\n20 7 * * * two\n"
    b"SHELL=/bin/sh\nMAILTO=ops\n# END ops-suite /srv/inventory\n"
)
OTHERS = b"# mine\nPATH=/opt/bin\n\t5 4 * * *\tjob % of \xff mine\r\n@reboot x\n\n"


def put(crontab: bytes, lines: list[str] = LINES, mailto: str | None = None) -> bytes:
    return spliced(crontab, WHERE, lines, mailto, "ops")


def test_a_new_block_stands_at_the_end() -> None:
    assert put(b"") == BLOCK
    assert put(OTHERS) == OTHERS + BLOCK


def test_a_last_line_without_an_end_gets_one() -> None:
    assert put(b"1 1 * * * x") == b"1 1 * * * x\n" + BLOCK


def test_the_block_is_replaced_where_it_is() -> None:
    old = put(b"", ["1 1 * * * old"])
    assert put(OTHERS + old + OTHERS) == OTHERS + BLOCK + OTHERS


def test_no_lines_take_the_block_away() -> None:
    assert put(OTHERS + BLOCK + OTHERS, []) == OTHERS + OTHERS
    assert put(OTHERS, []) == OTHERS


def test_blocks_of_other_inventories_stay() -> None:
    other = spliced(b"", "/srv/inventory-2", ["2 2 * * * theirs"], None, "ops")
    assert put(other + BLOCK) == other + BLOCK


def test_mailto_holds_within_the_block_only() -> None:
    assert b"MAILTO=me@x\n15 2" in put(b"", mailto="me@x")
    assert b"MAILTO=ops\n# END" in put(b"", mailto="me@x")
    assert b"MAILTO=boss@y\n# END" in put(b"MAILTO=a\n MAILTO = boss@y\n", mailto="me@x")


def test_settings_above_the_block_do_not_hold_within_it() -> None:
    made = put(b'MAILTO=""\nSHELL=/usr/bin/fish\n')
    assert b"SHELL=/bin/sh\nMAILTO=ops\n15 2" in made
    assert b'two\nSHELL=/usr/bin/fish\nMAILTO=""\n# END' in made


@pytest.mark.parametrize(
    "damaged",
    [
        BLOCK[: BLOCK.index(b"# END")],
        BLOCK[BLOCK.index(b"\n") + 1 :],
        BLOCK + BLOCK,
        b"# END ops-suite /srv/inventory\n# BEGIN ops-suite /srv/inventory\n",
    ],
)
def test_damaged_marks_are_refused_with_their_lines(damaged: bytes) -> None:
    with pytest.raises(Refused, match=r"damaged \(line \d"):
        put(OTHERS + damaged)


texts = st.binary(max_size=200).filter(lambda text: b"ops-suite" not in text)


@given(texts, texts)
def test_every_other_byte_stays(before: bytes, after: bytes) -> None:
    before = before + b"\n" if before and not before.endswith(b"\n") else before
    made = put(before + put(b"", ["3 3 * * * old"], "x@y") + after)
    assert made == before + BLOCK + after
    assert put(made) == made and put(made, []) == before + after
