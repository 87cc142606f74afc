"""A lab brought up, looked at and taken down: AWS and hosts on this machine."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.inventory import creation, document, machine
from ops.inventory.signing import make_key
from ops.lab import abilities, declared, hosts, processes, record, traces
from ops.lab.record import Kind, Lab, Ready

PROJECT = Path(__file__).parents[2]

UP_SECONDS = 600

Tell = Callable[[str], None]

_started: dict[str, subprocess.Popen[bytes]] = {}
"""The labs' programs that this process started, by folder: they outlive it, or it reaps them."""


@dataclass(frozen=True)
class Wanted:
    """What a lab is asked to be; the defaults are the reference link and the full content."""

    seed: int = 1
    files: int = 20_000
    pages: int = 300
    largest_mb: float = 200.0
    delay_ms: float = 35.0
    rate_mbit: float = 500.0
    loss_percent: float = 0.0


@dataclass(frozen=True)
class Status:
    """What of a lab answers now; `traces` is what `down` would remove from the machine."""

    lab: Lab
    ready: Ready | None
    serving: bool
    hosts: dict[str, bool]
    traces: list[str]


def default_folder(environ: Mapping[str, str]) -> Path:
    """Return the account's own lab folder."""
    state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "ops-lab"


def up(folder: Path, mode: str, wanted: Wanted, tell: Tell = lambda _: None) -> Lab:
    """Bring a lab up in a new or empty folder, with its inventory, and return it.

    `mode` is full, light or auto (what this machine can do; OPS_LAB=full: full). Raise Refused
    when it can't be had or the folder is in use; OpsError when it does not come up, with
    nothing left behind.
    """
    kind: Kind = (
        "full" if abilities.chosen(mode, os.environ.get("OPS_LAB", "")) == "full" else "light"
    )
    lab = _lab(folder.expanduser().absolute(), kind, wanted)
    record.write(lab)
    try:
        make_key(lab.login, "lab")
        tell(f"{kind} lab {lab.id}: starting AWS and the campus hosts in {lab.path}")
        ready = _await(lab, _start(lab))
        _write_inventory(lab, ready)
    except BaseException:
        down(lab.path)
        raise
    return lab


def down(folder: Path, *, keep_inventory: bool = False) -> Lab:
    """Remove a lab with all that it made, whatever has crashed; return what it was."""
    lab = record.read(folder.expanduser().absolute())
    if lab.kind == "full" and os.geteuid() != 0:
        options = ["--keep-inventory"] if keep_inventory else []
        done = subprocess.run(
            abilities.as_root([*_daemon(), "down", lab.folder, *options]),
            capture_output=True,
            text=True,
            check=False,
            cwd=PROJECT,
        )
        if done.returncode:
            raise OpsError(done.stderr.strip())
    else:
        traces.remove(lab, keep_inventory=keep_inventory)
    if process := _started.pop(lab.folder, None):
        process.wait()
    return lab


def status(folder: Path) -> Status:
    """Return what of the lab runs."""
    lab = record.read(folder.expanduser().absolute())
    ready = record.announced(lab)
    if ready is None:
        return Status(lab, None, False, {}, traces.found(lab))
    serving = processes.started(ready.daemon) == ready.started
    answering = {
        name: hosts.answers(host.address, ready.port) for name, host in ready.hosts.items()
    }
    return Status(lab, ready, serving, answering, traces.found(lab))


def _lab(folder: Path, kind: Kind, wanted: Wanted) -> Lab:
    return Lab(
        id=secrets.token_hex(3),
        kind=kind,
        folder=str(folder),
        user=machine.user_name(),
        **vars(wanted),
    )


def _daemon() -> list[str]:
    return [sys.executable, "-m", "ops.lab.daemon"]


def _start(lab: Lab) -> subprocess.Popen[bytes]:
    """Start the lab's program, which outlives this one."""
    argv = [*_daemon(), "run", lab.folder]
    if lab.kind == "full" and os.geteuid() != 0:
        tag = f"{processes.TAG}={lab.id}"
        argv = abilities.as_root(["env", tag, f"PATH={abilities.PATH}", *argv])
    with (lab.path / "daemon.log").open("wb") as log:
        _started[lab.folder] = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=PROJECT,
            env={**processes.environment(lab.id), "PATH": abilities.PATH},
        )
    return _started[lab.folder]


def _await(lab: Lab, process: subprocess.Popen[bytes]) -> Ready:
    until = time.monotonic() + UP_SECONDS
    while time.monotonic() < until:
        ready = record.announced(lab)
        if ready is not None:
            return ready
        if process.poll() is not None:
            break
        time.sleep(0.05)
    said = (lab.path / "daemon.log").read_text(errors="replace").strip()[-3000:]
    raise OpsError(f"the lab did not come up; its log ends:\n{said}", "see `fab lab.up --help`")


def _write_inventory(lab: Lab, ready: Ready) -> None:
    """Write the inventory repo that points at the lab, its hosts' keys pinned."""
    sample = lab.path / "sample"
    _write_sample(lab, ready, sample)
    repository = creation.create(sample, lab.inventory, PROJECT)
    shutil.rmtree(sample)
    _write_keys(lab, repository.var / "keys")
    for name, host in ready.hosts.items():
        repository.pin(f"{name}.campus.main", host.host_key)
    repository.git.commit(["known_hosts"], "Pin the campus hosts' keys", machine.person())


def _write_sample(lab: Lab, ready: Ready, sample: Path) -> None:
    from ops.lab.aws.images import IMAGE

    (sample / "components").mkdir(parents=True)
    (sample / "README.md").write_text(f"# The inventory of the {lab.kind} lab {lab.id}\n")
    site = declared.site(lab, ready, IMAGE)
    (sample / "site.yaml").write_bytes(document.dump(site, "A lab on this machine."))
    shutil.copy(PROJECT / "inventory" / "prices.yaml", sample)
    for name, component in declared.components(lab, ready).items():
        (sample / "components" / f"{name}.yaml").write_bytes(document.dump(component))
    (sample / "templates").mkdir()
    for name, source in declared.templates(lab).items():
        target = sample / "templates" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(source, target)


def _write_keys(lab: Lab, folder: Path) -> None:
    """Put the lab's keys where site.yaml names them."""
    for suffix in ("", ".pub"):
        shutil.copy(lab.login.with_suffix(suffix), folder / f"login{suffix}")
    for name in ("aws-access", "aws-secret"):
        (folder / name).touch(0o600)
        (folder / name).write_text(f"{declared.KEY}\n")
