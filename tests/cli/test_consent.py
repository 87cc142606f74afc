"""What stands between a plan and its being carried out."""

from __future__ import annotations

import json

import pytest

from ops.cli import output
from ops.cli.consent import agree, settle
from ops.errors import Refused
from ops.plan import Plan, Step
from tests.support.terminal import on_terminal

ADDING = Plan("provision", "wiki", (Step("a.b", "x", "add x"),))
DELETING = Plan("prune", "wiki", (Step("a.b", "x", "drop x", effect="delete"),))

ASKING = """
from ops.cli.consent import agree
from ops.errors import Refused
from ops.plan import Plan, Step
try:
    agree(Plan("prune", "wiki", (Step("a.b", "x", "drop x", effect="delete"),)))
except Refused:
    raise SystemExit(3)
"""


def test_a_plan_that_only_adds_is_shown_and_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert settle(ADDING, show=False)
    assert capsys.readouterr().out.splitlines() == ADDING.lines()


def test_an_empty_plan_and_a_shown_one_end_there() -> None:
    assert not settle(Plan("provision", "wiki"), show=False)
    assert not settle(DELETING, show=True)


def test_another_plan_than_expected_is_refused() -> None:
    with pytest.raises(Refused):
        settle(ADDING, show=False, expect="0123456789ab")


def test_without_a_terminal_a_yes_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Refused, match="need a yes"):
        settle(DELETING, show=False)
    assert settle(DELETING, show=False, yes=True)
    agree(ADDING)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("yes", 0), ("n", 3), ("", 3)])
def test_on_a_terminal_a_person_is_asked(answer: str, code: int) -> None:
    ended, shown = on_terminal(ASKING, f"{answer}\n")
    assert ended == code
    assert "Carry it out (delete)? [y/N]" in shown


def test_with_json_an_empty_plan_is_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    with output.as_json(True):
        settle(Plan("provision", "wiki"), show=False)
    assert json.loads(capsys.readouterr().out)["steps"] == []
