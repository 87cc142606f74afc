"""Replacing real hosts: data and services come back under the same name, or all goes back."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator

import pytest

from ops import run
from ops.cloud import instances
from ops.inventory.proofs import with_drill
from ops.inventory.schema import DrillState
from ops.lab.aws.faults import Fault
from ops.lab.hosts import answers
from ops.lab.record import Lab
from ops.remote.endpoint import ssh_options
from tests.support.parts import FOLDER, LOGS, TARGET, Part, declared

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def standing(full_lab: Lab) -> Iterator[Part]:
    """A provisioned component; each test leaves it provisioned."""
    with declared(full_lab) as made:
        code, said = made.provision()
        assert code == 0, said
        yield made


def state_in_aws(part: Part, instance_id: str) -> str:
    found = instances.get(run.cloud(part.repo), instance_id)
    return found.state if found else ""


def is_whole(part: Part, words: str) -> None:
    """Assert that data, services and strict host keys are there, and nothing is left to do."""
    assert part.do('cat "$1/page"; systemctl is-active cron', FOLDER) == f"{words}\nactive\n"
    endpoint = run.endpoint(part.repo, part.name, "cloud")
    argv = ["ssh", *ssh_options(endpoint), endpoint.address, "true"]
    subprocess.run(argv, check=True, capture_output=True)
    assert part.provision() == (0, f"{part.name}: nothing to do\n")
    assert part.drift() == (0, set())


def test_a_host_that_lost_its_power_is_replaced_with_its_data(standing: Part) -> None:
    """Replies get lost, and the run is killed while a volume is on its way."""
    standing.do('echo kept >"$1/page"; echo line >"$2/log"; sync', FOLDER, LOGS)
    old = standing.instance
    standing.lose_power()
    assert not answers(old.private_address, 22)
    actions = ("RunInstances", "StopInstances", "DetachVolume", "AttachVolume")
    standing.misbehave(*(Fault(action, "lost") for action in actions))
    process = standing.start("provision.replace", "yes=true")
    standing.kill_at(process, rf"^{standing.name}: \+ attach ", 1, 0.3)
    assert standing.instance == old
    code, said = standing.fab("provision.replace", "yes=true")
    assert code == 0, said
    assert standing.instance.volumes == old.volumes
    assert standing.instance.generation == old.generation + 1
    assert state_in_aws(standing, old.id) == "stopped"
    assert standing.do('cat "$1/log"', LOGS) == "line\n"
    is_whole(standing, "kept")


def test_a_failure_before_the_switch_leads_everything_back(standing: Part) -> None:
    standing.do('echo before >"$1/page"; sync', FOLDER)
    old, pinned = standing.instance, standing.repo.pinned(f"{standing.name}.cloud.main")
    standing.declare({**TARGET, "services": [{"name": "cron"}, {"name": "no-such"}]})
    code, said = standing.fab("provision.replace", "yes=true")
    standing.declare(TARGET)
    assert code == 1, said
    assert f"Everything is as it was, on {old.id}" in said
    assert standing.instance == old
    assert standing.repo.pinned(f"{standing.name}.cloud.main") == pinned
    is_whole(standing, "before")


def test_from_a_snapshot_only_what_was_accepted_is_lost(standing: Part) -> None:
    standing.do('echo saved >"$1/page"; sync', FOLDER)
    assert standing.fab("backup.snapshot")[0] == 0
    _prove(standing)
    standing.do('echo lost >"$1/page"; sync', FOLDER)
    code, said = standing.fab("provision.replace", "from-snapshot=true", "yes=true")
    assert code == 3
    assert "what was written since is lost" in said
    assert "accept-loss=1" in said
    old = standing.instance
    words = ("from-snapshot=true", "accept-loss=1", "yes=true")
    code, said = standing.fab("provision.replace", *words)
    assert code == 0, said
    assert not set(_ids(standing)) & {one.id for one in old.volumes.values()}
    is_whole(standing, "saved")


def test_what_is_proven_may_be_retired_and_taken_back(standing: Part) -> None:
    standing.do('echo last >"$1/page"; sync', FOLDER)
    code, said = standing.fab("provision.retire", "yes=true")
    assert code == 0, said
    state = standing.repo.state(standing.name)
    assert state.retirement is not None
    assert set(state.retirement.snapshots) == {"data", "logs"}
    assert state_in_aws(standing, standing.instance.id) == "stopped"
    assert "in 14.0 days" in standing.fab("provision.retire", "yes=true")[1]
    assert standing.provision()[0] == 3
    assert standing.fab("provision.retire", "undo=true")[0] == 0
    assert standing.provision()[0] == 0
    is_whole(standing, "last")


@pytest.mark.soak
def test_killed_anywhere_and_run_again_it_is_complete(standing: Part, seed: int) -> None:
    if seed >= 30:
        pytest.skip("thirty are enough: each makes hosts anew")
    chance = random.Random(seed)
    standing.do('echo "$2" >"$1/page"; sync', FOLDER, str(seed))
    old = standing.instance
    for _ in range(3):
        process = standing.start("provision.replace", "yes=true")
        line = rf"^{standing.name}: [+~±!]"
        standing.kill_at(process, line, chance.randrange(1, 20), chance.random())
        if not standing.repo.state(standing.name).replacements:
            break
    if standing.instance.generation == old.generation:
        code, said = standing.fab("provision.replace", "yes=true")
        assert code == 0, f"seed {seed}: {said}"
    assert standing.instance.volumes == old.volumes, f"seed {seed}"
    is_whole(standing, str(seed))


def _ids(part: Part) -> list[str]:
    return [one.id for one in part.instance.volumes.values()]


def _prove(part: Part) -> None:
    """Record what a restore drill of the last snapshots would."""
    with run.begin(part.repo, "backup.drill", part.name) as under_way:
        taken = under_way.state.snapshot
        assert taken is not None
        told = {
            "run": under_way.id,
            "at": taken.at,
            "of": taken.run,
            "taken": taken.at,
            "verdict": "proven",
            "seconds": 1.0,
            "parts": [
                {"slot": "main", "name": name, "backup": one, "verdict": "proven"}
                for name, one in taken.ids.items()
            ],
        }
        drill = DrillState.model_validate(told)
        under_way.observe(with_drill(under_way.state, "snapshot", drill))
