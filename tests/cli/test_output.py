"""What people and scripts get to read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli import output
from ops.errors import OpsError
from tests.support.terminal import on_terminal

Captured = pytest.CaptureFixture[str]


def test_a_table_without_a_terminal_is_aligned_text(capsys: Captured) -> None:
    output.table(["name", "bytes"], [["wiki", 12], ["documents", "1,234"], ["x", None]], "Fleet")
    assert capsys.readouterr().out.splitlines() == [
        "Fleet",
        "name       bytes",
        "wiki          12",
        "documents  1,234",
        "x              -",
    ]


def test_a_table_without_rows_is_its_heading(capsys: Captured) -> None:
    output.table(["name", "bytes"], [])
    assert capsys.readouterr().out == "name  bytes\n"


def test_cells_are_printable(capsys: Captured) -> None:
    output.table(["name"], [[b"\x1b[31m\n"], [True]])
    assert capsys.readouterr().out.splitlines() == ["name", "\\033[31m\\012", "yes"]


def test_with_json_lines_go_aside(capsys: Captured) -> None:
    with output.as_json(True):
        output.say("for people")
        output.table(["a"], [[1]])
        output.document({"a": 1})
    captured = capsys.readouterr()
    assert (json.loads(captured.out), captured.err) == ({"a": 1}, "for people\na\n1\n")


def test_without_json_there_is_no_document(capsys: Captured) -> None:
    output.document({"a": 1})
    assert capsys.readouterr().out == ""


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.binary(), inner),
    max_leaves=10,
)


@given(json_data)
def test_anything_becomes_json_in_utf_8(data: object) -> None:
    json.loads(output.as_text(data).encode())


def test_names_and_paths_become_text() -> None:
    data = {b"\xe9": [Path(os.fsdecode(b"/caf\xe9")), {"b", "a"}]}
    assert json.loads(output.as_text(data)) == {"\\351": ["/caf\\351", ["a", "b"]]}


TABLE = "from ops.cli import output; output.table(['name'], [['[red]wiki'], ['a' * 200]], 'Fleet')"


def test_on_a_terminal_a_table_is_drawn_and_names_stay_as_they_are() -> None:
    code, shown = on_terminal(TABLE)
    assert (code, "[red]wiki" in shown, "\x1b[" in shown) == (0, True, True)
    assert shown.count("a") - "Fleet name".count("a") == 200


def test_no_color_is_honoured() -> None:
    assert "\x1b[3" not in on_terminal(TABLE, NO_COLOR="1")[1]


def test_an_error_is_the_document_where_none_was_given(capsys: Captured) -> None:
    with output.as_json(True):
        output.failure(OpsError("a fault", "mend it"))
        output.failure(OpsError("another"))
    assert json.loads(capsys.readouterr().out) == {"error": "a fault\nmend it"}


GONE = """
import os, signal, sys
from ops.cli import output
signal.signal(signal.SIGHUP, signal.SIG_IGN)
ours, theirs = os.openpty()
os.dup2(theirs, 1), os.close(theirs), os.close(ours)
output.say("to nobody")
output.table(["a"], [[1]])
output.say_aside("still at work")
"""


def test_a_terminal_that_was_closed_does_not_stop_the_work() -> None:
    done = subprocess.run([sys.executable, "-c", GONE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "still at work\n")
