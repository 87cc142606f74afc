"""What the streams tell is understood, whatever the chunks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ops.migrate.engine.told import RECORD, Done, Told

TEXT = (
    b"\n==> said.1a <==\n\r1000 bytes (1 kB) copied, 1 s\r2000 bytes (2 kB) copied, 2 s"
    b"\n==> said.1b <==\ntar: 7 100\ntar: 7 200\n\ntick\n"
    b"\ndone 1a 3 0 \n\ndone 2a 4 255 Connection closed\n"
)


@given(st.lists(st.integers(1, 40), max_size=30))
def test_lanes_and_ends_are_heard(cuts: list[int]) -> None:
    told, text, ended = Told(), TEXT, []
    for cut in cuts:
        ended += told.feed(text[:cut])
        text = text[cut:]
    ended += told.feed(text)
    assert ended == [Done("1a", 3, 0, ""), Done("2a", 4, 255, "Connection closed")]
    assert told.sent == {"1a": 0, "1b": 200 * RECORD, "2a": 0}
