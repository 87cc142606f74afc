"""The tasks of fabfile/provision.py, run as a person runs them; also killed, as nobody would."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from ops.cloud import groups, instances, tags
from ops.inventory import machine
from ops.run import cloud
from tests.support import fleet as stand_in
from tests.support.fabric_tree import FAB, PROJECT
from tests.support.fleet import PLAIN, Fleet

fleet = stand_in.fleet


def start(fleet: Fleet, *words: str) -> subprocess.Popen[str]:
    """Start `fab provision WORDS` for the fleet's inventory."""
    return subprocess.Popen(
        [FAB, *_task(*words)],
        cwd=PROJECT,
        env={**os.environ, "OPS_INVENTORY": str(fleet.repo.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _task(*words: str) -> list[str]:
    first, *rest = words
    return [f"provision{first}", *rest] if first.startswith(".") else ["provision", *words]


def fab(fleet: Fleet, *words: str) -> tuple[int, str, str]:
    """Run `fab provision WORDS`, or `fab provision.TASK`; return exit code and both outputs."""
    process = start(fleet, *words)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def set_site(fleet: Fleet, part: str, value: object) -> None:
    """Change site.yaml as people do, with a commit."""
    path = fleet.repo.path / "site.yaml"
    site = yaml.safe_load(path.read_text())
    site[part] = value
    path.write_text(yaml.safe_dump(site))
    fleet.repo.git.commit(["site.yaml"], f"Set {part}", machine.person())


def test_a_replacement_keeps_to_the_limits_too(fleet: Fleet) -> None:
    fleet.provision()
    set_site(fleet, "limits", {"instances": 0})
    code, _, said = fab(fleet, ".replace", "app=wiki", "yes=true")
    assert code == 3
    assert "say allow-instances=1" in said
    assert fleet.repo.state("wiki").replacements == {}


def test_the_plan_is_shown_with_its_digest_and_changes_nothing(fleet: Fleet) -> None:
    code, out, _ = fab(fleet, "app=wiki", "plan=true")
    assert code == 0
    assert re.search(r"^  plan [0-9a-f]{12}$", out, re.MULTILINE)
    assert fleet.calls("CreateSecurityGroup") == 0


def test_the_plan_that_was_read_is_carried_out_and_then_there_is_nothing_to_do(
    fleet: Fleet,
) -> None:
    _, out, _ = fab(fleet, "wiki", "plan=true", "json=true")
    digest = json.loads(out)["digest"]
    code, out, err = fab(fleet, "wiki", f"expect={digest}")
    assert (code, err) == (0, "")
    assert out.endswith("wiki: provisioned\n")
    code, out, _ = fab(fleet, "wiki")
    assert code == 0
    assert out.startswith("wiki: nothing to do\n")


def test_another_plan_than_the_expected_is_refused(fleet: Fleet) -> None:
    code, _, err = fab(fleet, "app=wiki", "expect=000000000000")
    assert code == 3
    assert "not 000000000000" in err


def test_the_state_comes_as_json(fleet: Fleet) -> None:
    code, out, _ = fab(fleet, "app=wiki", "json=true")
    assert code == 0
    assert json.loads(out)["instances"]["main"]["ready"] is True


def test_a_limit_is_refused_and_overridden_by_count(fleet: Fleet) -> None:
    set_site(fleet, "limits", {"instances": 0})
    code, _, err = fab(fleet, "app=wiki")
    assert code == 3
    assert "allow-instances=1" in err
    assert fleet.calls("CreateSecurityGroup") == 0
    code, out, _ = fab(fleet, "app=wiki", "plan=true")
    assert code == 0
    assert "note: refused as it is: the plan makes 1 instances, the limit is 0." in out
    assert fab(fleet, "app=wiki", "allow-instances=1")[0] == 0


def test_a_duration_that_is_none_is_a_matter_of_usage(fleet: Fleet) -> None:
    code, _, err = fab(fleet, "app=wiki", "wait=soon")
    assert code == 2
    assert "wait=soon" in err


def test_one_components_fault_does_not_stop_the_other(fleet: Fleet) -> None:
    wrong = {"main": {**PLAIN["instances"]["main"], "type": "t99.huge"}}
    fleet.declare({"instances": wrong}, "tracker")
    code, out, err = fab(fleet, "app=all")
    assert code == 4
    assert "wiki: provisioned" in out
    assert "tracker: tracker.cloud.main: EC2 offers the type t99.huge nowhere" in err


def test_half_the_fleet_fails_and_the_other_half_is_done(fleet: Fleet) -> None:
    for name in ("directory", "tracker", "lists"):
        fleet.declare(PLAIN, name)
    fleet.hosts.mute = {"tracker-main", "lists-main"}
    code, out, err = fab(fleet, "app=all", "wait=15s")
    assert code == 4
    for name in ("directory", "wiki"):
        assert f"{name}: provisioned" in out
    for name in ("tracker", "lists"):
        assert f"{name}.cloud.main" in err
        assert fleet.repo.record(next(fleet.repo.runs(name))).verdict == "incomplete"


def test_a_component_begins_when_those_that_it_depends_on_have_ended(fleet: Fleet) -> None:
    fleet.declare(PLAIN, "directory", depends=["wiki"])
    code, out, err = fab(fleet, "app=all")
    assert code == 0, out + err
    first, second = (fleet.repo.record(next(fleet.repo.runs(n))) for n in ("wiki", "directory"))
    assert first.finished <= second.started


def test_the_sample_is_only_read(fleet: Fleet) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "OPS_INVENTORY"}
    done = subprocess.run(
        [FAB, "provision", "app=wiki"],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "fab inventory.init" in done.stderr


def test_missing_credentials_end_in_a_line_that_says_what_to_do(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPS_TEST_KEY")
    code, _, err = fab(fleet, "app=wiki")
    assert code == 3
    assert "env:OPS_TEST_KEY" in err
    assert "Traceback" not in err


def test_a_changed_host_key_is_refused_by_the_first_connection(fleet: Fleet) -> None:
    fleet.hosts.strangers = True
    code, _, err = fab(fleet, "app=wiki", "wait=6s")
    assert code == 3
    assert "wiki.cloud.main" in err


def test_interrupted_it_says_so_and_leaves_a_record(fleet: Fleet) -> None:
    fleet.hosts.silent = True
    process = start(fleet, "app=wiki")
    await_line(process, "waiting for ssh")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "interrupted" in err
    record = fleet.repo.record(next(fleet.repo.runs("wiki")))
    assert record.verdict == "interrupted"


def test_killed_anywhere_and_run_again_there_is_one_instance(fleet: Fleet, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(3):
        process = start(fleet, "app=wiki")
        await_line(process, "wiki: [+~]", chance.randrange(1, 7))
        try:
            process.wait(chance.random() * 0.3)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    code, out, err = fab(fleet, "app=wiki")
    assert code == 0, f"seed {seed}: {out}{err}"
    assert_one_of_each(fleet)


def assert_one_of_each(fleet: Fleet) -> None:
    aws = cloud(fleet.repo)
    found = instances.find(aws, {tags.COMPONENT: "wiki"}, ("pending", "running", "terminated"))
    assert [one.id for one in found] == [fleet.instance().id]
    assert len(groups.find(aws, {tags.COMPONENT: "wiki"})) == 1
    assert [one.name for one in Path(fleet.repo.var / "tokens").iterdir()] == []
    assert not fleet.provision()


def await_line(process: subprocess.Popen[str], pattern: str, count: int = 1) -> None:
    """Return when that many lines with `pattern` were printed, or the output has ended."""
    for line in process.stdout or ():
        count -= bool(re.search(pattern, line))
        if not count:
            return


def test_drift_is_told_with_what_to_do_and_exits_1(fleet: Fleet) -> None:
    fleet.provision()
    assert fab(fleet, ".drift")[:2] == (0, "no drift\n")
    rule = groups.Rule("tcp", 3306, 3306, "0.0.0.0/0")
    groups.allow(cloud(fleet.repo), fleet.instance().group, rule)
    code, out, _ = fab(fleet, ".drift", "wiki")
    assert code == 1
    assert "opened: ops-wiki-main tcp 3306 from 0.0.0.0/0" in out
    assert out.splitlines()[-1].startswith("wiki: `fab provision app=wiki` closes it")


def test_drift_with_a_host_that_does_not_answer_exits_4(fleet: Fleet) -> None:
    fleet.provision()
    fleet.hosts.close()
    code, out, err = fab(fleet, ".drift", "json=true")
    assert code == 4
    assert [one["subject"] for one in json.loads(out)["unasked"]] == ["wiki.cloud.main"]
    assert "wiki: wiki.cloud.main could not be asked" in err
