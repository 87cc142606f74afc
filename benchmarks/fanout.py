"""How fast facts of many hosts are gathered: `python -m benchmarks.fanout --peers VENV`.

As many private sshd servers as hosts, each at a loopback address of its own, on this machine: the
servers' share of the work is in every figure. Each contender is a program started anew, which logs
in to every host and runs the line that gathers what a provisioning wants to know (packages, files,
units); `setup` is Ansible's own, least gathering of facts. All check host keys. Rounds are
interleaved, medians are told.

VENV holds the peers (benchmarks/fanout.txt); `make bench-fanout` makes it. Ansible has pipelining
on and takes all hosts at once; its connections are not kept, as each contender logs in once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ops.provision.facts import Question, gather
from ops.remote.endpoint import Endpoint, ssh_options
from tests.support.sshd import Sshd, free_port, make_key

PROJECT = Path(__file__).resolve().parents[1]
ASKED = Question(
    packages=("bash", "coreutils", "openssh-server"),
    files=("/etc/hostname", "/etc/passwd"),
    units=("ssh", "cron"),
)
WANTED: Mapping[str, float] = {"pyinfra exec": 1.0, "ansible raw": 1.5, "ansible setup": 4.0}
"""How many times faster ours is to be."""


@dataclass(frozen=True)
class Hosts:
    """The servers, and the folder where contenders find their lists of them."""

    folder: Path
    ways: Sequence[Endpoint]

    @property
    def line(self) -> str:
        """Return what is run on each host: the gathering of facts, in the host's own folder."""
        return 'cd "$HOME" && ' + gather(ASKED, run="run").line("none").decode()


def main() -> int:
    """Print the figures; return 1 when ours is not as much faster as wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, required=True, help="a venv with the peers")
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=32, help="of ours: hosts at once")
    parser.add_argument("--only", default="", help="contenders by name, with commas")
    chosen = parser.parse_args()
    with _hosts(chosen.hosts) as hosts:
        contenders = _contenders(hosts, chosen.peers.absolute() / "bin", chosen.limit)
        wanted = [name for name in contenders if not chosen.only or name in chosen.only.split(",")]
        times = _measured({name: contenders[name] for name in wanted}, chosen.rounds)
    return _told(times, chosen.hosts)


def _measured(
    contenders: Mapping[str, Sequence[str]], rounds: int
) -> Mapping[str, Sequence[float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, argv in contenders.items():
            began = time.perf_counter()
            _run(name, argv)
            times[name].append(time.perf_counter() - began)
    return times


def _run(name: str, argv: Sequence[str]) -> None:
    environ = {**os.environ, **_ANSIBLE, "HOME": tempfile.gettempdir()}
    done = subprocess.run(
        argv, cwd=PROJECT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {(done.stdout + done.stderr)[-2000:].decode()}")


_ANSIBLE = {
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
    "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
    "LC_ALL": "C.UTF-8",
}


def _contenders(hosts: Hosts, peers: Path, limit: int) -> Mapping[str, Sequence[str]]:
    folder = hosts.folder
    (folder / "hosts.json").write_text(json.dumps([_told_of(way) for way in hosts.ways]))
    (folder / "hosts.ini").write_text("".join(map(_ansible_line, hosts.ways)))
    (folder / "hosts.py").write_text(f"hosts = {[_pyinfra_host(way) for way in hosts.ways]!r}\n")
    (folder / "hosts.txt").write_text("".join(f"{way.address}\n" for way in hosts.ways))
    ansible = [str(peers / "ansible"), "all", "-i", str(folder / "hosts.ini")]
    ansible += ["-f", str(len(hosts.ways))]
    plain, *options = zip(*[iter(ssh_options(hosts.ways[0]))] * 2, strict=True)
    named = [*plain, *(word for pair in options if "HostKeyAlias" not in pair[1] for word in pair)]
    return {
        "ours": [
            *(sys.executable, "-m", "benchmarks.asking"),
            *(str(folder / "hosts.json"), hosts.line, str(limit)),
        ],
        "ssh, 16 at once": [
            *("xargs", "-a", str(folder / "hosts.txt"), "-P", "16", "-I{}"),
            *("ssh", *named, "{}", hosts.line.replace("{}", "")),
        ],
        "pyinfra exec": [
            *(str(peers / "pyinfra"), "-y", str(folder / "hosts.py"), "exec", "--", hosts.line),
        ],
        "ansible raw": [*ansible, "-m", "raw", "-a", hosts.line],
        "ansible setup": [*ansible, "-m", "setup", "-a", "gather_subset=!all"],
    }


def _told_of(way: Endpoint) -> dict[str, object]:
    told = {"name": way.key_name, "address": way.address, "user": way.user, "port": way.port}
    return {**told, "known_hosts": str(way.known_hosts), "identity": str(way.identity)}


def _ansible_line(way: Endpoint) -> str:
    strict = f"-o UserKnownHostsFile={way.known_hosts} -o StrictHostKeyChecking=yes -F none"
    return (
        f"{way.address} ansible_port={way.port} ansible_user={way.user} "
        f"ansible_ssh_private_key_file={way.identity} ansible_ssh_common_args='{strict}'\n"
    )


def _pyinfra_host(way: Endpoint) -> tuple[str, dict[str, object]]:
    return way.address, {
        "ssh_user": way.user,
        "ssh_port": way.port,
        "ssh_key": str(way.identity),
        "ssh_known_hosts_file": str(way.known_hosts),
        "ssh_strict_host_key_checking": "yes",
    }


@contextmanager
def _hosts(count: int) -> Iterator[Hosts]:
    with tempfile.TemporaryDirectory() as made, ExitStack() as servers:
        folder, port = Path(made), free_port()
        key = make_key(folder / "client")
        known_hosts = folder / "known_hosts"
        ways = []
        for number in range(1, count + 1):
            address = f"127.0.2.{number}"
            server = Sshd(folder / str(number), address=address, port=port, client_key=key)
            servers.enter_context(server)
            name = f"part-{number}.cloud.main"
            with known_hosts.open("a") as lines:
                lines.write(f"{name},[{address}]:{port} {server.host_key}\n")
            ways.append(Endpoint(name, address, server.user, known_hosts, port=port, identity=key))
        yield Hosts(folder, ways)


def _told(times: Mapping[str, Sequence[float]], count: int) -> int:
    """Print each contender's median and how much faster ours is; return the exit code."""
    ours, short = median(times["ours"]), 0
    for name, taken in times.items():
        ratio, wanted = median(taken) / ours, WANTED.get(name, 0.0)
        words = "" if name == "ours" else f", ours is {ratio:.2f} times as fast"
        words += f" (wanted: {wanted:g})" if wanted else ""
        each = ", ".join(f"{one:.2f}" for one in taken)
        sys.stdout.write(f"{count} hosts, {name}: {median(taken):.2f} s ({each}){words}\n")
        short += ratio < wanted
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
