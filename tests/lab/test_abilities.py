"""Which kind of lab a machine gets."""

from __future__ import annotations

import pytest

from ops.errors import Refused
from ops.lab import abilities


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine lack a full lab's abilities, but not a light one's."""
    monkeypatch.setattr(abilities, "lacking_for_full", lambda: "no loop devices")
    monkeypatch.setattr(abilities, "lacking_for_light", lambda: "")


def test_auto_takes_what_can_be_had(lacking: None) -> None:
    assert abilities.chosen("auto", "") == "light"


@pytest.mark.parametrize(("mode", "wanted"), [("full", ""), ("auto", "full")])
def test_a_full_lab_that_was_asked_for_is_not_made_light(
    lacking: None, mode: str, wanted: str
) -> None:
    with pytest.raises(Refused, match="no loop devices"):
        abilities.chosen(mode, wanted)


def test_a_light_lab_can_be_asked_for_anywhere(lacking: None) -> None:
    assert abilities.chosen("light", "full") == "light"
