"""The knock: what is needed of it, and what a run can do without."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.migrate.engine import knock
from ops.remote.command import script
from ops.remote.endpoint import Endpoint
from ops.remote.local import LocalHost

TARGET = Endpoint("wiki.cloud.main", "127.0.0.1", "root", Path("/dev/null"))
SEEN = "echo '192.0.2.7 40000 192.0.2.9 22'; "


def _answered(text: str) -> tuple[str, float | None, list[str]]:
    admitted: list[str] = []
    asked = script(text)
    found = knock.answered(LocalHost("wiki.campus.main"), TARGET, asked, admitted.append)
    return *found, admitted


def test_the_shortest_round_trip_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knock, "TRIPS_TIME", 60)
    text = f"{SEEN} sleep 0.1; echo 70000000; echo 69500000; printf '71000000\\n'"
    assert _answered(text) == ("192.0.2.7", 0.0695, ["192.0.2.7"])


@pytest.mark.parametrize("ending", ["exit 255", "kill -9 $$", "sleep 600"])
def test_a_connection_that_breaks_after_the_address_is_no_end(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knock, "TRIPS_TIME", 0.5)
    assert _answered(SEEN + ending) == ("192.0.2.7", None, ["192.0.2.7"])
    told = (
        "printf '192.0.2.7 40000 192.0.2.9 22\\n70000000\\n'"  # at once: nobody waits for the trip
    )
    assert _answered(f"{told}; {ending}")[1] == 0.07


def test_one_that_breaks_before_it_is_told_with_its_reason() -> None:
    with pytest.raises(knock.NoWay, match="kex_exchange_identification"):
        _answered("echo 'kex_exchange_identification: closed' >&2; exit 255")
