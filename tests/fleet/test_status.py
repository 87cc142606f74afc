"""The overview says what is so, and what needs somebody."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.fleet.status import Line, ago, overview, worst
from ops.inventory.schema import Component, State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

DECLARED = Component.model_validate(
    {
        "description": "pages",
        "owner": "wiki team",
        "target": {"instances": {"main": {"type": "t3.small", "zone": "us-east-1a"}}},
        "source": {"hosts": {"main": {"address": "wiki.example.edu"}}},
        "data": {
            "pages": {
                "kind": "files",
                "source": {"root": "/var/lib/wiki"},
                "target": {"root": "/srv/wiki"},
            }
        },
        "backup": {"schedule": "0 2 * * *", "keep": {"daily": 7}, "objective": "26h"},
    }
)
INSTANCE = {
    "id": "i-1",
    "type": "t3.small",
    "zone": "us-east-1a",
    "image": "ami-1",
    "group": "sg-1",
    "private_address": "192.0.2.1",
    "ready": True,
}


def hours(count: float) -> str:
    return (NOW - timedelta(hours=count)).isoformat()


def moved(age: float, verdict: str = "done") -> dict[str, object]:
    return {
        "run": "r",
        "started": hours(age + 1),
        "finished": hours(age),
        "verdict": verdict,
        "files": 1200,
        "bytes": 1,
        "seconds": 3600.0,
    }


def verified(age: float, verdict: str = "same") -> dict[str, object]:
    return {"run": "r", "at": hours(age), "verdict": verdict, "files": 1, "bytes": 1}


def line(**state: object) -> Line:
    [one] = overview({"wiki": DECLARED}, {"wiki": State.model_validate(state)}, NOW)
    return one


def test_a_declared_component_is_open_not_bad() -> None:
    fresh = line()
    assert worst([fresh]) == "open"
    assert fresh.instance.words == "not provisioned: main"


def test_all_done_is_good() -> None:
    done = line(
        phase="verified",
        instances={"main": INSTANCE},
        transfers={"pages": moved(3)},
        verifications={"pages": verified(2)},
        snapshot={"run": "r", "at": hours(1), "level": "crash", "ids": {"data": "snap-1"}},
    )
    assert worst([done]) == "good"
    assert done.transfer.words == "1,200 files, 3 h ago"


def test_a_transfer_after_the_verification_opens_it_again() -> None:
    again = line(transfers={"pages": moved(1)}, verifications={"pages": verified(2)})
    assert again.verification.words == "pages moved again since"


@pytest.mark.parametrize("verdict", ["different", "incomplete"])
def test_a_verification_that_failed_is_bad(verdict: str) -> None:
    assert line(verifications={"pages": verified(2, verdict)}).verification.health == "bad"


def test_a_snapshot_older_than_the_objective_is_bad() -> None:
    old = line(snapshot={"run": "r", "at": hours(27), "level": "crash", "ids": {}})
    assert old.snapshot.health == "bad"


def test_an_unfinished_instance_is_bad() -> None:
    assert line(instances={"main": {**INSTANCE, "ready": False}}).instance.health == "bad"


def test_no_component_is_good() -> None:
    assert worst(overview({}, {}, NOW)) == "good"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0.5, "just now"), (-30, "just now"), (59, "59 s ago"), (3600, "1 h ago"), (90000, "1 d ago")],
)
def test_ages_are_rounded_down(count: float, words: str) -> None:
    assert ago(NOW - timedelta(seconds=count), NOW) == words
