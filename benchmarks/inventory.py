"""How long the inventory takes: 1,000 components, and one of them shown.

.venv/bin/python benchmarks/inventory.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ops.inventory.creation import create
from ops.inventory.repository import Repository

PROJECT = Path(__file__).resolve().parents[1]
COUNT, TIMES = 1000, 7
FAB = str(Path(sys.executable).with_name("fab"))


def main() -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        repo = fleet(Path(folder) / "inventory")
        size = sum(path.stat().st_size for path in (repo.path / "components").iterdir())
        print(f"{COUNT} components like the sample's, {size / 1e6:.1f} MB")
        seconds = median(lambda: Repository(repo.path, PROJECT).components())
        print(f"load and validate all: {seconds:.2f} s (limit 2 s)")
        listed = median(lambda: fab(repo, "--list"))
        shown = median(lambda: fab(repo, "inventory.show", "app=wiki-7"))
        print(f"fab --list {listed:.3f} s, fab inventory.show app= {shown:.3f} s:", end=" ")
        print(f"{(shown - listed) * 1000:.0f} ms more (limit 300 ms)")


def fleet(path: Path) -> Repository:
    """Return an inventory with COUNT components, copies of the sample's."""
    repo = create(PROJECT / "inventory", path, PROJECT)
    folder = path / "components"
    texts = {name: (folder / f"{name}.yaml").read_text() for name in repo.names()}
    for number in range(COUNT // len(texts) + 1):
        for name, text in texts.items():
            if len(list(folder.iterdir())) < COUNT:
                (folder / f"{name}-{number}.yaml").write_text(text)
    return repo


def fab(repo: Repository, *words: str, allowed: tuple[int, ...] = (0,)) -> None:
    """Run fab on the inventory; it ends with one of the `allowed` exit codes."""
    environ = {**os.environ, "OPS_INVENTORY": str(repo.path)}
    done = subprocess.run([FAB, *words], cwd=PROJECT, env=environ, capture_output=True, check=False)
    if done.returncode not in allowed:
        done.check_returncode()


def median(work: Callable[[], object]) -> float:
    """Return the median of the seconds that `work` takes."""
    return statistics.median(timed(work) for _ in range(TIMES))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
