"""How fast a transfer is over the reference link, beside others: `python -m benchmarks.transfer`.

Two hosts, each in a network namespace with a real sshd, and between them the lab's relay: 35 ms
each way, 500 Mbit/s. In each round bare TCP is measured first: the goodput. Then each way in turn
moves the same data to an empty folder; it is given up after 4 times what ours took (10 times with
loss). Ours is all that migrate.metered does with a data set between its record's beginning and end:
looking at both ends and deciding on the plan, then the move from opening the door to closing it,
with probing, listing, metering and the proof by rsync at the end. Needs root; removes what it made,
also on failure. The case `million` needs neither root nor a link: benchmarks/million.py.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import million
from ops.inventory.schema import Component, FileSet
from ops.lab import link as links
from ops.lab import network as networks
from ops.lab.network import Network
from ops.lab.programs import call
from ops.migrate import look, plan
from ops.migrate.engine.ends import Ends
from ops.migrate.engine.meter import Meter
from ops.migrate.engine.transfer import Errand, move
from ops.pages.render import SUITE
from ops.plan import Step
from ops.remote.connection import connect
from ops.remote.endpoint import Endpoint, ssh_options
from ops.remote.host import Host

_CONFIG = """\
ListenAddress {address}:22
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/.ssh/authorized_keys
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
Subsystem sftp internal-sftp
SetEnv HOME={folder} PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""
_PRIVATE_RUN = 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec "$@"'
_KEYGEN = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f")
MEMORY = "/dev/shm"  # noqa: S108 - a folder of its own is made in it
# A connection that sends, and one that hears: bare TCP, without ssh.
_SEND = "import sys,socket\ns=socket.create_connection((sys.argv[1],5001))\nn=int(sys.argv[2])\n"
_SEND += "b=bytes(1<<20)\nwhile n>0:\n s.sendall(b[:n]);n-=len(b)\n"
_SEND += "s.shutdown(1);s.recv(1)\n"
_HEAR = "import socket\ns=socket.create_server(('',5001))\nprint(flush=True)\nc,_=s.accept()\n"
_HEAR += "while c.recv(1<<20):\n pass\nc.sendall(b'.')\n"


@dataclass
class Site:
    """The two hosts, and where data lies."""

    folder: Path
    network: Network
    source: Host
    target: Host
    there: Endpoint
    key: str
    times: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    goodputs: list[float] = field(default_factory=list)
    sample: int = 400_000_000
    """Bytes that bare TCP has to carry in each round."""

    @property
    def goodput(self) -> float:
        """Return the bytes a second of bare TCP, the median of all rounds."""
        return median(self.goodputs)

    @property
    def root(self) -> Path:
        """Return where all ways write to."""
        return self.folder / "arrived"

    def inside(self, host: str, *words: str) -> list[str]:
        """Return words that run in a host's namespace."""
        return ["ip", "netns", "exec", self.network.namespace(host), *words]

    def ssh(self) -> list[str]:
        """Return ssh's words from the source to the target, the address left out."""
        return ["ssh", *ssh_options(self.there)]


@contextmanager
def laid(folder: Path, link: links.Link, congestion: str) -> Iterator[Site]:
    """Lay the link and start both hosts; all of it is gone after the block."""
    with ExitStack() as stack:
        stack.enter_context(_allowed(congestion))
        lab = secrets.token_hex(3)[:5]
        stack.callback(_clear, lab)
        network = networks.build(lab)
        keys, addresses = {}, {"campus": 10, "cloud": 140}
        call(*_KEYGEN, str(folder / f"login-{lab}"))
        public = (folder / f"login-{lab}.pub").read_text()
        for side in networks.SIDES:
            space = networks.add_host(network, side, side, addresses[side])
            control = f"echo {congestion} >/proc/sys/net/ipv4/tcp_congestion_control"
            call("ip", "netns", "exec", space, "sh", "-c", control)
            home = folder / f"{side}-{lab}"
            keys[side] = _sshd(stack, space, home, network.address(addresses[side]), public)
        relay = links.start(network, link, folder, folder / "relay.log")
        stack.callback(_ended, relay)
        known = folder / f"known_hosts-{lab}"
        known.write_text("".join(f"bench.{side}.main {key}\n" for side, key in keys.items()))
        points = {
            side: Endpoint(
                f"bench.{side}.main",
                network.address(last),
                "root",
                known,
                identity=folder / f"login-{lab}",
            )
            for side, last in addresses.items()
        }
        source = stack.enter_context(_connected(points["campus"]))
        target = stack.enter_context(_connected(points["cloud"]))
        yield Site(folder, network, source, target, points["cloud"], keys["cloud"])


@contextmanager
def _allowed(congestion: str) -> Iterator[None]:
    """Let namespaces choose this congestion control in the block."""
    setting = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
    before = setting.read_text().split()
    if congestion in before:
        yield
        return
    setting.write_text(" ".join([*before, congestion]))
    try:
        yield
    finally:
        setting.write_text(" ".join(before))


def _connected(point: Endpoint) -> Host:
    for _ in range(100):
        try:
            socket.create_connection((point.address, 22), 1).close()
            return connect(point)
        except OSError:
            time.sleep(0.1)
    return connect(point)


def _sshd(stack: ExitStack, space: str, home: Path, address: str, public: str) -> str:
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/authorized_keys").write_text(public)
    call(*_KEYGEN, str(home / "host_key"))
    (home / "sshd_config").write_text(_CONFIG.format(address=address, folder=home))
    words = ["sh", "-c", _PRIVATE_RUN, "sh", "/usr/sbin/sshd", "-D", "-f", f"{home}/sshd_config"]
    process = subprocess.Popen(
        ["ip", "netns", "exec", space, *words], stderr=(home / "log").open("wb")
    )
    stack.callback(_ended, process)
    return " ".join((home / "host_key.pub").read_text().split()[:2])


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


def _clear(lab: str) -> None:
    for space in networks.of_lab(lab):
        for number in call("ip", "netns", "pids", space).split():
            with suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)
        networks.remove_namespace(space)


# --- data


def make_file(root: Path, size: int) -> None:
    """Fill the folder with one file."""
    _write(root / "one", size)


def make_mix(root: Path, size: int, files: int) -> None:
    """Fill the folder: two files are half of the bytes, the others much smaller."""
    for name in ("large 1", "large 2"):
        _write(root / name, size // 4)
    make_small(root, size // 2, files - 2)


def make_small(root: Path, size: int, files: int) -> None:
    """Fill the folder with files around size / files, 100 in a folder, that nothing packs."""
    dice = random.Random(4)  # noqa: S311 - the same sizes each time, not a secret
    for number in range(files):
        folder = root / f"{number // 5000:02}" / f"{number // 100:04}"
        folder.mkdir(parents=True, exist_ok=True)
        length = round(dice.uniform(0.2, 1.8) * size / files)
        (folder / f"file {number}").write_bytes(os.urandom(length))


def _write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for at in range(0, size, 1 << 20):
            file.write(os.urandom(min(1 << 20, size - at)))


# --- ways


def goodput(site: Site, size: int) -> float:
    """Return the bytes a second of one bare TCP connection."""
    address = site.there.address
    with subprocess.Popen(
        site.inside("cloud", sys.executable, "-c", _HEAR), stdout=subprocess.PIPE
    ) as hearing:
        if hearing.stdout is not None:
            hearing.stdout.readline()
        began = time.perf_counter()
        words = (sys.executable, "-c", _SEND, address, str(size))
        subprocess.run(site.inside("campus", *words), check=True)
        return size / (time.perf_counter() - began)


def ours(site: Site, data: Path, _patience: float) -> float | None:
    """Move the folder with the engine; return the seconds."""
    told = {"source": {"root": str(data)}, "target": {"root": str(site.root)}}
    files = FileSet.model_validate({"kind": "files", **told})
    errand = Errand("bench", "R1", "data", files, [SUITE])
    ends = Ends(site.source, site.target, site.there, site.key)
    with Meter(site.folder / "meter.jsonl.gz") as meter:
        began = time.perf_counter()
        meter.enter("", "scan")
        list(_planned(ends, files))
        moved = move(ends, errand, meter)
        taken = time.perf_counter() - began
        if "OPS_BENCH_PHASES" in os.environ:
            sys.stderr.write(f"probed: {(moved.link_rate or 0) * 8 / 1e6:.0f} Mbit/s\n")
            for sample in meter.samples:
                sys.stderr.write(f"{sample.second} {sample.phase} {sample.bytes} {sample.files} ")
                sys.stderr.write(f"{sample.source_load} {len(sample.streams or ())}\n")
    if moved.outcome.verdict != "done":
        raise RuntimeError(moved.outcome.words)
    return taken


def _planned(ends: Ends, data: FileSet) -> Iterator[Step]:
    """Yield the steps that the practice run would decide on, after the same look at both ends."""
    facts = look.facts(ends, data, own=True)
    component = Component.model_validate(
        {"description": "", "owner": "nobody", "data": {"data": data}}
    )
    yield from plan.decide("bench", component, {"data": facts}).steps


def program(words: Callable[[Site, Path], Sequence[str]], **env: str) -> Way:
    """Return a way that is a program, run in the source's namespace."""

    def run(site: Site, data: Path, patience: float) -> float | None:
        began = time.perf_counter()
        asked = site.inside("campus", "timeout", "-k", "5", f"{patience:.0f}", *words(site, data))
        shell = {**os.environ, "RSYNC_RSH": " ".join(site.ssh()), **env}
        done = subprocess.run(asked, env=shell, capture_output=True, check=False)
        if done.returncode in (124, 137):
            return None
        if done.returncode != 0:
            raise RuntimeError(f"{asked}: {done.stderr.decode(errors='replace')[-500:]}")
        return time.perf_counter() - began

    return run


Way = Callable[[Site, Path, float], float | None]


def _host(site: Site) -> str:
    return f"root@{site.there.address}"


def _tar(site: Site, data: Path) -> Sequence[str]:
    there = " ".join(site.ssh())
    far = f"{there} {_host(site)} tar -x --numeric-owner -C {site.root}"
    return ["sh", "-c", f"tar -c --numeric-owner -C {data} . | {far}"]


def _rclone(site: Site, data: Path) -> Sequence[str]:
    there = f":sftp,host={site.there.address},user=root,key_file={site.there.identity}:{site.root}"
    return ["rclone", "--config", "", "copy", str(data), there, "--transfers=8", "--checkers=8"]


WAYS: dict[str, Way] = {
    "ours": ours,
    "rsync": program(lambda s, d: ["rsync", "-aHAX", f"{d}/", f"{_host(s)}:{s.root}/"]),
    "scp": program(lambda s, d: ["scp", "-rqp", *s.ssh()[1:], f"{d}/.", f"{_host(s)}:{s.root}/"]),
    "tar over ssh": program(_tar),
    "fpsync": program(
        lambda s, d: ["fpsync", "-n", "8", "-f", "2000", "-s", "100000000", "-t", f"{s.folder}/fp",
                      f"{d}/", f"{_host(s)}:{s.root}/"]
    ),
    "rclone": program(_rclone),
}  # fmt: skip


# --- cases


def measure(
    site: Site,
    case: str,
    data: Path,
    ways: Sequence[str],
    *,
    rounds: int,
    more: int,
) -> None:
    """Run all ways on a folder, in turn, `rounds` times, and tell each."""
    for _ in range(rounds):
        mine = 0.0
        site.goodputs.append(goodput(site, site.sample))
        _say(f"  bare TCP: {site.goodputs[-1] * 8 / 1e6:.0f} Mbit/s")
        for name in ways:
            if not case.startswith("unchanged"):
                shutil.rmtree(site.root, ignore_errors=True)
            site.root.mkdir(exist_ok=True)
            try:
                taken = WAYS[name](site, data, more * mine + 5)
            except RuntimeError as error:
                _say(f"  {case}: {name} failed: {error}")
                continue
            if name == "ours" and taken is not None:
                mine = taken
            if taken is None:
                _say(f"  {case}: {name} given up after {more * mine + 5:.0f} s")
                continue
            site.times.setdefault((case, name), []).append(taken)
            _say(f"  {case}: {name} {taken:.1f} s")


def told(site: Site, case: str, size: int) -> None:
    """Print a case's medians, ratios to ours, and shares of the goodput."""
    rows = {name: median(times) for (one, name), times in site.times.items() if one == case}
    mine = rows.get("ours", 0.0)
    for name, taken in sorted(rows.items(), key=lambda row: row[1]):
        share = size / taken / site.goodput
        ratio = f", {taken / mine:.2f} times ours" if name != "ours" and mine else ""
        _say(f"{case}: {name} {taken:.1f} s, {share:.0%} of the goodput{ratio}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Print the figures of the chosen cases."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test, in small")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--scale", type=float, default=0.0, help="share of the sizes")
    parser.add_argument("--cases", default="file,mix,small,unchanged,loss,loopback,million")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--folder", default=MEMORY, help="where the data lies: in memory")
    chosen = parser.parse_args()
    scale = chosen.scale or (0.04 if chosen.quick else 1.0)
    rounds = chosen.rounds or (1 if chosen.quick else 3)
    ways = [way for way in chosen.ways.split(",") if way != "rclone" or shutil.which("rclone")]
    ways = [way for way in ways if way != "fpsync" or shutil.which("fpsync")]
    for missing in set(chosen.ways.split(",")) - set(ways):
        _say(f"{missing} is not installed: left out")
    cases = set(chosen.cases.split(","))
    if cases - {"million"}:
        with tempfile.TemporaryDirectory(prefix="bench-transfer.", dir=chosen.folder) as name:
            _cases(Path(name), cases, ways, rounds, scale)
    return million.main() if "million" in cases else 0


def _cases(folder: Path, cases: set[str], ways: Sequence[str], rounds: int, scale: float) -> None:
    size = round(1.5e9 * scale)
    few = [way for way in ways if way in ("ours", "rsync", "fpsync")]
    data = {name: folder / name for name in ("file", "mix", "small")}
    for root in data.values():
        root.mkdir()
    if cases & {"file"}:
        make_file(data["file"], size)
    if cases & {"mix", "loss", "loopback"}:
        make_mix(data["mix"], size, round(35_000 * scale))
    if cases & {"small", "unchanged"}:
        make_small(data["small"], round(220e6 * scale), round(20_000 * scale))
    sample = max(40_000_000, round(400e6 * scale))
    with laid(folder, links.Link(), "bbr") as site:
        site.sample = sample
        for case in ("file", "mix", "small"):
            if case in cases:
                measure(site, case, data[case], ways, rounds=rounds, more=4)
                told(site, case, size if case != "small" else round(220e6 * scale))
        if "unchanged" in cases:
            shutil.rmtree(site.root, ignore_errors=True)
            site.root.mkdir()
            WAYS["ours"](site, data["small"], 0)
            measure(site, "unchanged", data["small"], few[:2], rounds=rounds, more=4)
            told(site, "unchanged", 0)
    if "loss" in cases:
        with laid(folder, links.Link(loss_percent=0.01), "cubic") as site:
            site.sample = sample // 3
            measure(site, "mix with loss", data["mix"], few, rounds=max(1, rounds - 1), more=10)
            told(site, "mix with loss", size)
    if "loopback" in cases:
        with laid(folder, links.Link(delay_ms=0.0, rate_mbit=100_000), "bbr") as site:
            site.sample = sample
            measure(site, "mix without a link", data["mix"], few[:2], rounds=rounds, more=4)
            told(site, "mix without a link", size)


if __name__ == "__main__":
    sys.exit(main())
