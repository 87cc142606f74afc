"""A component on real hosts of the full lab, beside a scratch host; removed at the end."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ops import run
from ops.backup import drill, snapshot
from ops.backup.plan import plan_snapshot
from ops.cloud import groups, instances, tags, volumes
from ops.cloud.calls import Wait
from ops.inventory import machine
from ops.inventory.proofs import proven
from ops.inventory.repository import Repository
from ops.inventory.schema import DrillState, SnapshotState
from ops.lab.record import Lab
from ops.remote.command import script
from tests.support.fabric_tree import FAB, PROJECT

SOON = Wait(0.2, 300)
SAMPLE = PROJECT / "inventory/templates"


@dataclass
class Store:
    """A component with two volumes, and a scratch host beside it."""

    lab: Lab
    repo: Repository
    name: str
    scratch: str

    def snapshot(self) -> SnapshotState:
        decided = plan_snapshot(
            self.name, self.repo.component(self.name), self.repo.state(self.name)
        )
        return snapshot.take(self.repo, self.name, decided, patience=SOON)

    def drill(self) -> drill.Drilled:
        decided = drill.plan(self.repo, self.name)
        return drill.drill(self.repo, self.name, decided, patience=SOON)

    def fab(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [FAB, *words],
            cwd=PROJECT,
            env={**os.environ, "OPS_INVENTORY": str(self.repo.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def do(self, text: str, *words: str, on: str = "") -> str:
        with run.host(self.repo, on or self.name, "cloud") as host:
            return host.run(script(text, *words, root=True)).out.decode()

    def left(self) -> tuple[list[str], str]:
        """Return the drills' volumes and mounts that are still there."""
        found = volumes.find(run.cloud(self.repo), {tags.DRILL: tags.ANY})
        asked = "grep ops-restored /proc/mounts || true"
        mounts = self.do(asked, on=self.scratch) + self.do(asked)
        return [one.id for one in found if one.state != "deleted"], mounts

    def await_volume(self) -> None:
        """Wait until a drill has attached a volume."""
        cloud, until = run.cloud(self.repo), time.monotonic() + 300
        while time.monotonic() < until:
            if any(one.instance for one in volumes.find(cloud, {tags.DRILL: tags.ANY})):
                return
            time.sleep(0.02)
        raise AssertionError("no drill has attached a volume")

    def proven(self) -> DrillState | None:
        return proven(self.repo.state(self.name))

    def declare(self, path: str, text: str) -> None:
        (self.repo.path / path).parent.mkdir(exist_ok=True, parents=True)
        (self.repo.path / path).write_text(text)
        self.repo.git.commit([path], "Change the test's declarations", machine.person())


@contextmanager
def stored(
    lab: Lab, backup: Mapping[str, Any], *mounts: str, packages: tuple[str, ...] = ()
) -> Iterator[Store]:
    """Give a component with a volume on each mount, ext4 and xfs; it may use the sample's hooks."""
    repo = Repository(Path(lab.inventory), PROJECT)
    ending = secrets.token_hex(3)
    made = Store(lab, repo, f"store-{ending}", f"scratch-{ending}")
    before = (repo.path / "site.yaml").read_text()
    site = {**yaml.safe_load(before), "scratch": {"component": made.scratch}}
    made.declare("site.yaml", yaml.safe_dump(site))
    shutil.copytree(SAMPLE / "hooks", repo.path / "templates/hooks", dirs_exist_ok=True)
    hooks = [f"templates/hooks/{hook.name}" for hook in (SAMPLE / "hooks").iterdir()]
    repo.git.commit(hooks, "Take the sample's hooks", machine.suite())
    common = {"description": "a test's", "owner": "a test"}
    told = {**common, "target": _target(*mounts, packages=packages), "backup": dict(backup)}
    made.declare(f"components/{made.name}.yaml", yaml.safe_dump(told))
    scratch = {**common, "target": _target(packages=packages)}
    made.declare(f"components/{made.scratch}.yaml", yaml.safe_dump(scratch))
    try:
        process = made.fab("provision", f"app={made.name},{made.scratch}")
        said = process.communicate(timeout=600)
        assert process.returncode == 0, said
        yield made
    finally:
        _remove(made)
        made.declare("site.yaml", before)


def _target(*mounts: str, packages: tuple[str, ...] = ()) -> dict[str, Any]:
    kinds = ("ext4", "xfs")
    volumes_of = {
        mount.rpartition("/")[2]: {
            "size_gib": 1,
            "device": f"/dev/sd{'fg'[i]}",
            "mount": mount,
            "filesystem": kinds[i],
        }
        for i, mount in enumerate(mounts)
    }
    rules = [{"port": 22, "from": ["198.18.0.0/15"]}]
    one = {"type": "t3.small", "zone": "us-east-1a", "volumes": volumes_of, "rules": rules}
    return {"instances": {"main": one}, "packages": list(packages)}


def _remove(store: Store) -> None:
    cloud = run.cloud(store.repo)
    for name in (store.name, store.scratch):
        for one in instances.find(cloud, {tags.COMPONENT: name}):
            instances.protect(cloud, one.id, on=False)
            instances.terminate(cloud, one.id)
            instances.wait(cloud, one.id, "terminated", SOON)
        for volume in volumes.find(cloud, {tags.COMPONENT: name}):
            volumes.remove(cloud, volume.id)
        for group in groups.find(cloud, {tags.COMPONENT: name}):
            cloud.ec2.delete_security_group(GroupId=group.id)
        path = f"components/{name}.yaml"
        (store.repo.path / path).unlink()
        store.repo.git.commit([path], f"Remove {name}", machine.person())
