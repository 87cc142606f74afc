"""A lab's own record, written before anything of it exists: all that it makes is named after it.

DIR/lab.json    the lab: id, kind, arguments
DIR/ready.json  what runs: addresses, host keys, the AWS endpoint; written when all is up
DIR/hosts, DIR/disks, DIR/keys, DIR/inventory
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ops.errors import OpsError, Refused

Kind = Literal["full", "light"]


@dataclass(frozen=True)
class Lab:
    """One lab. `id` names its namespaces, control groups, interfaces and processes."""

    id: str
    kind: Kind
    folder: str
    user: str
    seed: int
    files: int
    pages: int
    largest_mb: float
    delay_ms: float
    rate_mbit: float
    loss_percent: float

    @property
    def path(self) -> Path:
        """The lab's folder."""
        return Path(self.folder)

    @property
    def inventory(self) -> Path:
        """The lab's inventory repo."""
        return self.path / "inventory"

    @property
    def login(self) -> Path:
        """The private key that logs in to the lab's hosts."""
        return self.path / "keys" / "login"


@dataclass(frozen=True)
class CampusHost:
    """A campus host that runs: where, and its public key (`TYPE BASE64`)."""

    address: str
    host_key: str
    files: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Ready:
    """What a lab is reached by. `port` is every host's ssh port, `php` the wiki's PHP."""

    endpoint: str
    port: int
    hosts: dict[str, CampusHost]
    daemon: int
    started: int
    php: str = ""
    prefix: str = ""
    seconds: float = 0.0


def write(lab: Lab) -> None:
    """Write the lab's record; its folder must be new or empty. Raise Refused otherwise."""
    if lab.path.exists() and (not lab.path.is_dir() or any(lab.path.iterdir())):
        raise Refused(
            f"{lab.path} is not empty", "take that lab down with `fab lab.down`, or name a new dir="
        )
    for folder in (lab.path, lab.login.parent):
        folder.mkdir(parents=True, exist_ok=True)
    lab.login.parent.chmod(0o700)
    _put(lab.path / "lab.json", asdict(lab))


def read(folder: Path) -> Lab:
    """Return the lab of a folder. Raise OpsError when there is none."""
    path = folder / "lab.json"
    try:
        return Lab(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise OpsError(f"there is no lab in {folder}", "start one with `fab lab.up`") from None
    except (ValueError, TypeError) as error:
        raise OpsError(f"{path} is no lab's record: {error}") from None


def announce(lab: Lab, ready: Ready) -> None:
    """Write what the lab is reached by."""
    _put(lab.path / "ready.json", asdict(ready))


def announced(lab: Lab) -> Ready | None:
    """Return what the lab is reached by; None while it comes up."""
    try:
        values = json.loads((lab.path / "ready.json").read_text())
    except FileNotFoundError:
        return None
    hosts = {name: CampusHost(**host) for name, host in values.pop("hosts").items()}
    return Ready(hosts=hosts, **values)


def _put(path: Path, values: dict[str, object]) -> None:
    making = path.with_suffix(".making")
    with making.open("w") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    making.rename(path)
