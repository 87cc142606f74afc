"""A forecast kept by the run it was made for: full runs over the lab's link, one after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ops import run
from ops.inventory import machine
from ops.lab.record import Lab, Ready
from ops.remote.command import script
from tests.support.parts import FOLDER, Part, declared

pytestmark = pytest.mark.lab

SOURCE, STORE = "/srv/forecast", f"{FOLDER}/store"

# Large files and small ones, 250 MB: the link has its share of the time that a run takes.
_CONTENT = f"""
mkdir {SOURCE} && cd {SOURCE} && mkdir small &&
for n in 1 2 3 4; do head -c 50000000 /dev/urandom >large-$n; done &&
head -c 50000000 /dev/urandom | split -b 20000 -a 4 - small/
"""


def _declared(part: Part, ready: Ready) -> None:
    """Give the component data on a campus host, and an instance with nothing but a volume."""
    host = ready.hosts["documents"]
    volume = {"size_gib": 1, "device": "/dev/sdf", "mount": FOLDER}
    main = {
        "type": "t3.small",
        "zone": "us-east-1a",
        "volumes": {"data": volume},
        "rules": [{"port": 22, "from": ["198.18.0.0/15"]}],
    }
    place = {"root": STORE, "mount": FOLDER}
    told = {
        "description": "a test's",
        "owner": "a test",
        "source": {"hosts": {"main": {"address": host.address}}},
        "target": {"instances": {"main": main}},
        "data": {"store": {"kind": "files", "source": {"root": SOURCE}, "target": place}},
    }
    path = f"components/{part.name}.yaml"
    (part.repo.path / path).write_text(yaml.safe_dump(told))
    part.repo.pin(f"{part.name}.campus.main", host.host_key)
    part.repo.git.commit([path, "known_hosts"], f"Declare {part.name}", machine.person())


@pytest.fixture
def part(full_lab: Lab, ready: Ready) -> Iterator[Part]:
    """A component without a past."""
    with declared(full_lab) as made:
        _declared(made, ready)
        with run.host(made.repo, made.name, "campus") as source:
            source.run(script(_CONTENT, root=True))
            try:
                code, said = made.provision()
                assert code == 0, said
                yield made
            finally:
                source.run(script(f"rm -rf {SOURCE}", root=True))


def _full_run(part: Part) -> dict[str, Any]:
    """Empty the target, as a person who rehearses the whole move does; return the run's figures."""
    part.do(f"rm -rf {STORE}")
    code, said = part.fab("migrate.metered")
    assert code == 0, said
    return part.repo.record(next(part.repo.runs(part.name, "migrate.metered"))).figures


def _foretold(part: Part) -> dict[str, Any]:
    """Return what is foretold of a full run."""
    code, said = part.fab("migrate.forecast", "json=true")
    assert code == 0, said
    told: dict[str, Any] = json.loads(said[said.index("{") :])["full"]
    return told


def _foretold_and_run(part: Part, runs: int) -> bool:
    """Return whether a full run took as long as those before it foretell, which it records."""
    told, done = _foretold(part), _full_run(part)
    took, recorded = done["seconds"], done["forecast"]
    inside = bool(told["low"] <= took <= told["high"])
    assert (recorded["kind"], recorded["runs"]) == ("full", runs)
    edge = min(abs(took - told["low"]), abs(took - told["high"]))
    assert recorded["inside"] == inside or edge < 0.1  # these figures are rounded
    assert recorded["seconds"] == pytest.approx(told["seconds"], rel=0.01)
    assert recorded["off"] == pytest.approx(took / recorded["seconds"] - 1, abs=0.005)
    return inside and bool(took == pytest.approx(told["seconds"], rel=0.25))


def test_most_full_runs_take_as_long_as_those_before_them_foretell(part: Part) -> None:
    """Nine of ten are said to; on a machine with other work fewer do, but more than half.

    Two of the first three show it, else three of five, or four of seven.
    """
    for _ in range(2):
        assert "forecast" not in _full_run(part)
    held = 0
    for tried in range(1, 8):
        held += _foretold_and_run(part, runs=tried + 1)
        if held >= 2 and 2 * held > tried:
            return
    pytest.fail(f"{held} of {tried} took as long as foretold")
