"""The program behind a lab: it serves the lab's AWS and holds the machines behind it.

    python -m ops.lab.daemon run DIR     until SIGTERM; root for a full lab
    python -m ops.lab.daemon down DIR [--keep-inventory]

Started and awaited by ops/lab/lab.py. Ended in any way, it leaves what `down` finds.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from ops.errors import OpsError
from ops.lab import (
    campus,
    content,
    image,
    light,
    link,
    network,
    planting,
    processes,
    record,
    traces,
    wiki,
)
from ops.lab.instances import Instances
from ops.lab.light import LightHost, LightInstances
from ops.lab.machines import Machines
from ops.lab.network import Network
from ops.lab.record import CampusHost, Lab, Ready

log = logging.getLogger(__name__)

_WATCHERS = Path("/proc/sys/fs/inotify/max_user_instances")
_FOR_HOSTS = 1024
"""inotify instances for some hundred hosts: each one's systemd and its services take about ten."""


def main(arguments: Sequence[str]) -> int:
    """Run or remove the lab of a folder; return the exit code. Errors go to standard error."""
    action, folder, *options = arguments
    try:
        lab = record.read(Path(folder))
        if action == "down":
            traces.remove(lab, keep_inventory="--keep-inventory" in options)
        else:
            run(lab)
    except OpsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a program of its own
        return error.exit_code
    return 0


def run(lab: Lab) -> None:
    """Bring the lab up, announce it, and serve until SIGTERM."""
    began = time.monotonic()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for name in ("werkzeug", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _end)
    with _link(lab) if lab.kind == "full" else nullcontext() as made:
        machines, ready = _full(lab, made) if made else _light(lab)
        _serve(lab, machines, ready, began)


def _serve(lab: Lab, machines: Machines, ready: Ready, began: float) -> None:
    from ops.lab.aws import server as aws

    server = aws.serve(machines)
    done = {"endpoint": server.url, "seconds": time.monotonic() - began}
    record.announce(lab, Ready(**{**vars(ready), **done}))
    with suppress(_Ended):
        while True:
            time.sleep(3600)
    server.close()


class _Ended(Exception):
    """SIGTERM came."""


def _end(_number: int, _frame: object) -> None:
    raise _Ended


@contextmanager
def _link(lab: Lab) -> Iterator[Network]:
    """Make the network, its two sides joined by the link for as long as this lasts."""
    made = network.build(lab.id)
    bridge = link.Link(lab.delay_ms, lab.rate_mbit, lab.loss_percent)
    with link.start(made, bridge, image.cache(), lab.path / "relay.log") as relay:
        yield made
        relay.kill()


def _full(lab: Lab, made: Network) -> tuple[Machines, Ready]:
    """Bring the campus up; moto is loaded meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(__import__, "ops.lab.aws.server")
        layers = image.image()
        _make_room(lab)
        _let_hosts_watch()
        hosts = campus.settle(lab, made, layers)
        loaded.result()
    instances = Instances(lab.path, made, layers)
    return instances, _ready(hosts, 22, php=campus.php_version(layers), prefix=made.prefix)


def _light(lab: Lab) -> tuple[Machines, Ready]:
    """Start an sshd for each campus host, with its content."""
    port = light.free_port(light.address(lab.id, 10))
    key = lab.login.with_suffix(".pub").read_text()
    owner = os.getuid()
    contents = {
        "wiki": wiki.pages(lab.seed, lab.pages, owner),
        "documents": (
            entry
            for entry in content.documents(lab.seed, lab.files, lab.largest_mb)
            if entry.mode & 0o400
        ),
    }
    hosts = {}
    for last, (name, entries) in enumerate(contents.items(), 10):
        where = light.address(lab.id, last)
        host = LightHost(lab, lab.path / "hosts" / name, where, port)
        host_key = host.move_in(light.Identity("", (key,)))
        planted = planting.plant(host.folder / "data", entries, owners=False)
        host.start()
        hosts[name] = CampusHost(where, host_key, planted.files, planted.bytes)
    return LightInstances(lab, port), _ready(hosts, port)


def _ready(hosts: dict[str, CampusHost], port: int, *, php: str = "", prefix: str = "") -> Ready:
    started = processes.started(os.getpid())
    return Ready("", port, hosts, os.getpid(), started, php=php, prefix=prefix)


def _make_room(lab: Lab) -> None:
    """Put the hosts on tmpfs where the lab's file system takes no upper layer of an overlay."""
    from ops.lab.programs import attempt, call

    hosts = lab.path / "hosts"
    for part in ("up", "work", "root", "low"):
        (hosts / "probe" / part).mkdir(parents=True)
    layers = [f"{name}={hosts}/probe/{part}" for name, part in _LAYERS.items()]
    root = str(hosts / "probe/root")
    fits = attempt("mount", "-t", "overlay", "overlay", "-o", ",".join(layers), root)
    if fits:
        call("umount", root)
    shutil.rmtree(hosts / "probe")
    if not fits:
        call("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(hosts))


def _let_hosts_watch() -> None:
    """Raise the kernel's limit of 128, at which the systemd of a thirteenth host would not start.

    It is one for all of the machine's hosts, and stays until the machine restarts: other labs
    may need it when this one is gone.
    """
    with suppress(OSError):  # a container that may not: a dozen hosts work all the same
        if int(_WATCHERS.read_text()) < _FOR_HOSTS:
            _WATCHERS.write_text(f"{_FOR_HOSTS}\n")


_LAYERS = {"lowerdir": "low", "upperdir": "up", "workdir": "work"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
