"""Errors as lines and exit codes."""

from __future__ import annotations

import errno

import pytest

from ops.cli import faults
from ops.cli.signals import Terminated
from ops.errors import OpsError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (OSError(errno.ENOSPC, "x"), 4),
        (OSError(errno.EDQUOT, "x"), 4),
        (PermissionError(errno.EACCES, "x"), 1),
    ],
)
def test_what_the_system_says_has_its_code(error: BaseException, code: int) -> None:
    known = faults.explain(error)
    assert known is not None
    assert known.exit_code == code


def test_our_own_mistakes_are_not_explained_away() -> None:
    assert faults.explain(KeyError("x")) is None


def test_a_component_is_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    faults.report(OpsError("wiki: no such host"), "wiki")
    faults.report(OpsError("no such host"), "wiki")
    assert capsys.readouterr().err == "wiki: no such host\n" * 2


def test_an_error_cannot_colour_the_terminal() -> None:
    assert faults.lines(OpsError("name\x1b[31m\ntwo")) == ["name\\033[31m", "two"]
