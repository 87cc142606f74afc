"""The folders above a path."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from ops.verify import folders


@given(st.binary(max_size=60).filter(lambda path: b"\0" not in path))
def test_the_folders_above_come_nearest_first(path: bytes) -> None:
    above = list(folders.upwards(path))
    assert above[:1] == ([path] if path else [])
    assert all(os.path.dirname(a).rstrip(b"/") == b.rstrip(b"/") for a, b in zip(above, above[1:]))  # noqa: PTH120, B905, RUF007 - paths are bytes; pairs
