"""How fast verification is beside its peers: `python -m benchmarks.verify [--scale N]`.

Trees: small (100,000 files, 1.1 GB), big (12 files of 512 MB), mixed (6 GB, one file a third of
it). Each contender reads each tree in turn, rounds interleaved, the cache warm. Medians are told,
and how many times faster ours is; the start of the command itself (`fab --list`) is taken off.
The limit is the bare hash of as many bytes on all cores; for mixed, of its largest file. Peers
that are not installed are left out, by name. Then: a second verification that reads nothing, and
comparisons of a million lines.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.sshd import Sshd

PROJECT = Path(__file__).resolve().parents[1]
FAB = Path(sys.executable).with_name("fab")
CORES = os.cpu_count() or 1
WARM = ("-type", "f", "-exec", "cat", "{}", "+")
LOOK = r"find . -printf '%p %y %m %U %G %n %s %T@ %C@ %D %i\n' >/dev/null"
FIND = "find . -type f -exec md5sum {} + >/dev/null"
PEERS: Mapping[str, str] = {
    "find -exec md5sum {} +": FIND,
    "the same between two finds": f"{LOOK}; {FIND}; {LOOK}",
    "md5deep": f"md5deep -r -j{CORES} . >/dev/null",
    "hashdeep": f"hashdeep -c md5 -r -j{CORES} . >/dev/null",
    "rclone md5sum": f"rclone md5sum --checkers {CORES} . >/dev/null 2>&1",
}


def main() -> int:
    """Build the trees, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the trees, 1 as told")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--trees", default="small,big,mixed")
    parser.add_argument("--folder", type=Path, help="where the trees are built")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as made, _server(Path(made)) as there:
        folder = Path(made)
        for name in chosen.trees.split(","):
            tree = folder / name
            TREES[name](tree, chosen.scale)
            _read(name, tree, chosen.rounds, there)
            if name == "small":
                _again(tree, chosen.rounds, there[1])
            shutil.rmtree(tree)
        _compare(folder, int(1_000_000 * chosen.scale), chosen.rounds)
    return 0


def small(root: Path, scale: float) -> None:
    """Build 100,000 files of 11 kB on average."""
    rng, blob = random.Random(1), os.urandom(1 << 20)  # noqa: S311 - sizes, no secret
    for number in range(int(100_000 * scale)):
        folder = root / f"section-{number // 1000:03}"
        folder.mkdir(parents=True, exist_ok=True)
        size = min(200_000, int(rng.expovariate(1 / 11_000)))
        start = rng.randrange(1 << 19)
        (folder / f"page-{number % 1000:04}.txt").write_bytes(blob[start : start + size])


def big(root: Path, scale: float) -> None:
    """Build 12 files of 512 MB."""
    for number in range(12):
        _large(root / f"disk-{number}.img", int(512e6 * scale))


def mixed(root: Path, scale: float) -> None:
    """Build 6 GB: one file of 2 GB, 20 of 150 MB, 10,000 small ones of 1 GB together."""
    _large(root / "video.mov", int(2e9 * scale))
    for number in range(20):
        _large(root / f"recording-{number}.wav", int(150e6 * scale))
    blob = os.urandom(1 << 20)
    for number in range(int(10_000 * scale)):
        folder = root / f"notes-{number // 500:03}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.txt").write_bytes(blob[: 100_000 + number % 1000])


TREES: Mapping[str, Callable[[Path, float], None]] = {"small": small, "big": big, "mixed": mixed}


def _large(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    block = os.urandom(1 << 24)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])


def _read(name: str, tree: Path, rounds: int, there: tuple[str, dict[str, str]]) -> None:
    host, environ = there
    out = tree.parent / "manifest"
    ours = [FAB, "verify.manifest", f"root={tree}", f"out={out}"]
    sizes = [path.stat().st_size for path in tree.rglob("*") if path.is_file()]
    contenders: dict[str, Callable[[], object]] = {
        "fab --list": lambda: _run([FAB, "--list"], PROJECT, environ),
        "ours": lambda: _run(ours, PROJECT, environ),
        "ours over SSH": lambda: _run([*ours, f"host={host}"], PROJECT, environ),
        **{peer: _peer(words, tree) for peer, words in PEERS.items() if _installed(words)},
    }
    with _halves(tree.parent, sum(sizes)) as halves:
        contenders["limit"] = lambda: _all_at_once(halves)
        if name == "mixed":
            largest = max(tree.rglob("*"), key=lambda path: path.stat().st_size)
            contenders["its largest file"] = lambda: _all_at_once([largest])
        title = f"{name}: {len(sizes):,} files, {sum(sizes) / 1e9:.2f} GB"
        _tell(title, contenders, rounds, warm=[tree, *halves])
    missing = [peer for peer, words in PEERS.items() if not _installed(words)]
    if missing:
        print(f"  not installed: {', '.join(missing)}")


def _tell(
    title: str,
    contenders: Mapping[str, Callable[[], object]],
    rounds: int,
    *,
    warm: list[Path],
) -> None:
    times = _times(contenders, rounds, warm)
    start = times.pop("fab --list")
    own = times["ours"] - start
    print(f"{title} (command start {start:.2f} s taken off)", flush=True)
    for contender, seconds in times.items():
        taken = seconds - start if contender.startswith("ours") else seconds
        print(
            f"  {contender:28} {taken:6.2f} s   ours is {taken / own:5.2f} times as fast",
            flush=True,
        )


def _times(
    contenders: Mapping[str, Callable[[], object]], rounds: int, warm: list[Path]
) -> dict[str, float]:
    """Return the median seconds of each; what it reads is in the cache whenever it starts."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            if name.startswith("ours"):
                _forget(warm[0].parent)
            subprocess.run(["find", *warm, *WARM], check=True, stdout=subprocess.DEVNULL)
            began = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(each) for name, each in taken.items()}


def _forget(folder: Path) -> None:
    """Remove the manifest of the round before, which would spare us the reading."""
    for path in folder.glob("manifest*"):
        path.unlink()


def _again(tree: Path, rounds: int, environ: dict[str, str]) -> None:
    out = tree.parent / "manifest"
    ours = [FAB, "verify.manifest", f"root={tree}", f"out={out}"]
    contenders: dict[str, Callable[[], object]] = {
        "fab --list": lambda: _run([FAB, "--list"], PROJECT, environ),
        "again": lambda: _run(ours, PROJECT, environ),
        "find -printf": _peer(LOOK, tree),
    }
    _run(ours, PROJECT, environ)
    times = _times(contenders, rounds, [tree])
    own = times["again"] - times["fab --list"]
    ratio = own / times["find -printf"]
    print(f"again, nothing changed: {own:.2f} s, {ratio:.1f} times one find -printf (at most 5)")


def _compare(folder: Path, lines: int, rounds: int) -> None:
    left, right, other = (folder / name for name in ("left", "right", "other"))
    _lists(left, right, other, lines)
    _told("sorted", left, right, lines, rounds)
    _told("in any order", left, other, lines, rounds)
    for path in (left, right):
        _describe(path, time="1700000000.123456789")
    _told("with all metadata", left, right, lines, rounds)
    _describe(right, time="1700000001.123456789")
    _told("another time everywhere", left, right, lines, rounds)


def _told(words: str, left: Path, right: Path, lines: int, rounds: int) -> None:
    taken = [_compared(left, right) for _ in range(rounds)]
    seconds = statistics.median(each[0] for each in taken)
    print(f"compare {lines:,} lines, {words}: {seconds:.2f} s, {taken[0][1]} MB", flush=True)


def _describe(listed: Path, time: str) -> None:
    """Write the mtree that belongs to a list."""
    words = f"type=file uid=33 gid=33 mode=0644 nlink=1 size=11000 time={time}"
    with listed.open() as file, listed.with_name(f"{listed.name}.mtree").open("w") as described:
        described.write("#mtree\n")
        for line in file:
            described.write(f"{line[34:-1]} {words} md5={line[:32]}\n")


def _compared(left: Path, right: Path) -> tuple[float, int]:
    """Return seconds and megabytes of a comparison in a process of its own."""
    text = (
        "import sys, time, pathlib\n"
        "from ops.verify.compare import compare\n"
        "began = time.perf_counter()\n"
        "compare(*map(pathlib.Path, sys.argv[1:]))\n"
        "taken = time.perf_counter() - began\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "print(taken, int(status.split('VmHWM:')[1].split()[0]) // 1024)\n"
    )
    words = [sys.executable, "-c", text, str(left), str(right)]
    done = subprocess.run(words, cwd=PROJECT, check=True, capture_output=True, text=True)
    seconds, used = done.stdout.split()
    return float(seconds), int(used)


def _lists(left: Path, right: Path, other: Path, count: int) -> None:
    rng = random.Random(2)  # noqa: S311 - lines, no secret
    names = sorted(f"./section-{n % 397:03}/part-{n % 17:02}/page-{n:07}.txt" for n in range(count))
    ours, theirs = [], []
    for name in names:
        digest, chance = f"{rng.getrandbits(128):032x}", rng.random()
        ours.append(f"{digest}  {name}\n")
        if chance < 0.06:
            theirs.append((name, f"{rng.getrandbits(128):032x}"))
        elif chance < 0.08:
            theirs.append((f"{name}.moved", digest))
        elif chance > 0.10:
            theirs.append((name, digest))
    left.write_text("".join(ours))
    right.write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(theirs)))
    rng.shuffle(theirs)
    other.write_text("".join(f"{digest}  {name[2:]}\n" for name, digest in theirs))


def _run(words: list[object], folder: Path, environ: dict[str, str]) -> None:
    told = [str(word) for word in words]
    subprocess.run(told, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)


def _peer(words: str, tree: Path) -> Callable[[], object]:
    return lambda: subprocess.run(["sh", "-c", words], cwd=tree, check=True)


def _installed(words: str) -> bool:
    return shutil.which(words.split(maxsplit=1)[0]) is not None


def _all_at_once(files: list[Path]) -> None:
    started = [subprocess.Popen(["md5sum", path], stdout=subprocess.DEVNULL) for path in files]
    for each in started:
        each.wait()


@contextmanager
def _halves(folder: Path, size: int) -> Iterator[list[Path]]:
    """Give one file for each core, of `size` bytes together."""
    made = [folder / f"bare-{number}" for number in range(CORES)]
    for path in made:
        _large(path, size // CORES)
    yield made
    for path in made:
        path.unlink()


@contextmanager
def _server(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Give a host for host= and an environment in which it is known."""
    with Sshd(folder / "sshd") as server:
        endpoint = server.endpoint()
        home = folder / "home"
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        key = f"[{endpoint.address}]:{endpoint.port} {server.host_key}\n"
        (home / ".ssh/known_hosts").write_text(key)
        if endpoint.identity:
            shutil.copy(endpoint.identity, home / ".ssh/id_ed25519")
        environ = {**os.environ, "HOME": str(home), "OPS_INVENTORY": str(folder / "none")}
        environ.pop("SSH_AUTH_SOCK", None)
        yield f"{endpoint.user}@{endpoint.address}:{endpoint.port}", environ


if __name__ == "__main__":
    sys.exit(main())
