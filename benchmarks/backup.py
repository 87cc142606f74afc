"""Backups: how long file systems stay frozen, pruning 100,000 snapshots, 1,000 components' status.

sudo .venv/bin/python -m benchmarks.backup   (without root the freezes are left out)
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.inventory import fab, fleet, median, timed
from ops.backup.freeze import frozen, sync
from ops.backup.prunable import Found, plan_prune
from ops.cloud import groups, instances, keys, sets, volumes, zones
from ops.cloud.calls import Wait
from ops.cloud.session import Cloud
from ops.cloud.sets import Request
from ops.cloud.snapshots import Snapshot
from ops.inventory.schema import Keep
from ops.lab.aws.idle import Idle
from ops.lab.aws.images import IMAGE, ROOT_DEVICE
from ops.lab.aws.server import serve
from ops.remote.connection import connect
from ops.remote.local import LocalHost
from ops.verify.scan import Keeping, Load, scan
from ops.verify.tree import Tree
from tests.support.aws import PUBLIC_KEY
from tests.support.sshd import Sshd

FREEZES, MOST_FROZEN = 50, 1.0
SNAPSHOTS, MOST_PRUNE = 100_000, 2.0
MOST_STATUS = 1.0
FILES, SIZE = 1000, 300_000
_WRITER = 'while :; do dd if=/dev/zero of="$1/busy" bs=64k count=64 conv=fsync 2>/dev/null; done'


def main() -> int:
    """Measure, print, and return 1 when something takes longer than its limit."""
    with tempfile.TemporaryDirectory() as folder:
        good = [prune(), status(Path(folder) / "fleet")]
        if os.geteuid() == 0:
            good += [freezes(Path(folder), kind) for kind in ("ext4", "xfs")]
            manifests(Path(folder))
        else:
            print("freezes: not measured, as this is not root")
    return 0 if all(good) else 1


def freezes(folder: Path, kind: str) -> bool:
    """Freeze a busy file system over SSH around the call to the lab's AWS, again and again."""
    beyond, api = [], []
    with (
        _aws() as (cloud, instance),
        _mounted(folder, kind) as mount,
        _busy(mount),
        Sshd(folder / f"sshd-{kind}") as server,
    ):
        server.pin("wiki.cloud.main")
        with connect(server.endpoint("wiki.cloud.main")) as host:
            for number in range(FREEZES):
                request = Request(instance, f"{kind}-{number}", {})
                prepared = sets.prepare(cloud, request)
                sync(host, [str(mount)])
                start = time.perf_counter()
                with frozen(host, f"bench-{kind}-{number}", [str(mount)]):
                    replied = timed(partial(sets.take, cloud, prepared))
                api.append(replied)
                beyond.append(time.perf_counter() - start - replied)
    print(
        f"{FREEZES} freezes of a busy {kind}, beyond the API's own reply"
        f" ({statistics.median(api) * 1000:.0f} ms): median {statistics.median(beyond):.3f} s,"
        f" maximum {max(beyond):.3f} s (limit {MOST_FROZEN:g} s);"
        " from before the watchdog to after the thaw, as the controller sees it, over loopback"
        " without sudo and hooks"
    )
    return max(beyond) < MOST_FROZEN


def manifests(folder: Path) -> None:
    """Show what a manifest costs: read while frozen, or scanned before and after the freeze.

    There is no limit: it is why nothing is read while frozen (docs/backups.md).
    """
    with _mounted(folder, "ext4", "manifest") as mount:
        for number in range(FILES):
            (mount / str(number)).write_bytes(os.urandom(SIZE))
        host = LocalHost()
        keeping = Keeping(folder / "manifest.look", "bench")
        tree = Tree(str(mount), mount=str(mount), as_root=True)
        sync(host, [str(mount)])
        _call("sh", "-c", "echo 3 >/proc/sys/vm/drop_caches")
        with frozen(host, "bench-manifest", [str(mount)], limit=300):
            inside = timed(lambda: scan(host, tree, load=Load(nice=10)))
        scan(host, tree, keeping=keeping)
        (mount / "0").write_bytes(os.urandom(SIZE))
        after = timed(lambda: scan(host, tree, keeping=keeping))
    print(
        f"manifest of {FILES} files, {FILES * SIZE / 1e6:.0f} MB: read while frozen {inside:.2f} s"
        f" (and growing with the volume); around the freeze {after:.2f} s, none of it frozen,"
        " where one file changed since the scan before"
    )


def prune() -> bool:
    """Decide over very many snapshots of one component by all rules at once."""
    newest = datetime(2026, 11, 22, tzinfo=UTC)
    found = [_snapshot(number, newest) for number in range(SNAPSHOTS)]
    rules = {"last": 5, "hourly": 48, "daily": 30, "weekly": 26, "monthly": 36, "yearly": 10}
    keep = Keep.model_validate({**rules, "within": "14d"})
    there = [Found("us-east-1", found, {})]
    zone = ZoneInfo("America/Los_Angeles")
    seconds = median(lambda: plan_prune("wiki", keep, zone, there, frozenset()))
    plan = plan_prune("wiki", keep, zone, there, frozenset())
    print(
        f"prune: {SNAPSHOTS:,} snapshots in {SNAPSHOTS // 2:,} sets, {len(plan.steps):,} go:"
        f" {seconds:.2f} s (limit {MOST_PRUNE:g} s)"
    )
    return seconds < MOST_PRUNE


def status(path: Path) -> bool:
    """Ask for the status of a thousand components with records, beside `fab --list`."""
    repo = fleet(path)
    (path / "state").mkdir()
    for name in repo.names():
        (path / "state" / f"{name}.yaml").write_text(_STATE)
    first = timed(lambda: fab(repo, "backup.status", allowed=(0, 1)))
    listed = median(lambda: fab(repo, "--list"))
    shown = median(lambda: fab(repo, "backup.status", allowed=(0, 1)))
    print(
        f"status of {len(repo.names())} components: {shown:.2f} s, {shown - listed:.2f} s beyond"
        f" `fab --list` (limit {MOST_STATUS:g} s); {first - listed:.2f} s the first time, when"
        " all files are read"
    )
    return shown - listed < MOST_STATUS


def _snapshot(number: int, newest: datetime) -> Snapshot:
    """Return one of a set of two volumes; a set comes every half hour."""
    run, volume = divmod(number, 2)
    tags = {
        "ops:component": "wiki",
        "ops:slot": "main",
        "ops:volume": f"data-{volume}",
        "ops:set": f"run-{run}",
        "ops:instance": "i-1",
    }
    at = newest - run * timedelta(minutes=30)
    name = f"snap-{number:017x}"
    return Snapshot(name, f"vol-{volume}", "completed", "100%", 8, True, "", "", at, tags)


@contextmanager
def _aws() -> Iterator[tuple[Cloud, str]]:
    """Give the lab's AWS and an instance with one data volume."""
    server = serve(Idle())
    secret = "secret"  # noqa: S105 - the lab's AWS asks for any
    cloud = Cloud("us-east-1", server.url, access_key="AKIAIOSFODNN7EXAMPLE", secret_key=secret)
    try:
        keys.bring_in(cloud, "ops-controller", PUBLIC_KEY, {})
        group = groups.create(cloud, "bench", zones.default_vpc(cloud), "b", {"ops:component": "b"})
        launch = instances.Launch(
            "bench", IMAGE, "t3.small", "us-east-1a", "ops-controller", (group.id,),
            instances.Disk(ROOT_DEVICE, 10), {"ops:component": "b"},
        )  # fmt: skip
        instance = instances.run(cloud, launch).id
        order = volumes.Order("bench-data", "us-east-1a", 5, {"ops:component": "b"})
        volume = volumes.create(cloud, order).id
        volumes.attach(cloud, volume, instance, "/dev/sdf")
        volumes.wait_attached(cloud, volume, Wait(0.05, 100))
        yield cloud, instance
    finally:
        cloud.close()
        server.close()


@contextmanager
def _mounted(folder: Path, kind: str, name: str = "") -> Iterator[Path]:
    disk, mount = folder / f"disk-{name or kind}", folder / f"mount-{name or kind}"
    mount.mkdir()
    with disk.open("wb") as file:
        file.truncate(512_000_000)
    _call(f"mkfs.{kind}", "-q", str(disk))
    _call("mount", "-o", "loop", str(disk), str(mount))
    try:
        yield mount
    finally:
        until = time.monotonic() + 20  # the writer's last dd may still be ending
        while subprocess.run(
            ["umount", str(mount)], check=False, stderr=subprocess.DEVNULL
        ).returncode:
            if time.monotonic() > until:
                raise RuntimeError(f"{mount} can't be unmounted")
            time.sleep(0.2)


@contextmanager
def _busy(mount: Path) -> Iterator[None]:
    """Write to the file system all the time."""
    writer = subprocess.Popen(["sh", "-c", _WRITER, "sh", str(mount)], start_new_session=True)
    try:
        yield
    finally:
        os.killpg(writer.pid, 15)
        writer.wait()


def _call(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


_STATE = """\
phase: provisioned
instances:
  main:
    id: i-0123456789abcdef0
    type: t3.small
    zone: us-east-1a
    image: ami-1
    group: sg-1
    private_address: 192.0.2.1
    ready: true
    volumes:
      data: {id: vol-1, size_gib: 40, created_by: 20260101T100000.000Z_provision_wiki_aaaaaa}
snapshot:
  run: 20261122T021600.000Z_backup.snapshot_wiki_bbbbbb
  at: 2026-11-22T02:16:05Z
  level: filesystem
  ids: {data: snap-1}
drills:
  snapshot:
    run: 20261120T021600.000Z_backup.drill_wiki_cccccc
    at: 2026-11-20T02:16:05Z
    of: 20261120T021600.000Z_backup.snapshot_wiki_bbbbbb
    taken: 2026-11-20T02:16:05Z
    verdict: proven
    seconds: 61.5
runs: {backup.snapshot: 20261122T021600.000Z_backup.snapshot_wiki_bbbbbb}
"""


if __name__ == "__main__":
    sys.exit(main())
