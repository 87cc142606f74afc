"""How long `fab --list` takes here, beside stock Fabric with one empty task.

Prints the medians of interleaved rounds and their ratio; the suite's rule is 1.25 at most.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 25
MOST = 1.25
PROJECT = Path(__file__).resolve().parents[1]
FAB = Path(sys.executable).with_name("fab")
STOCK = '''from fabric import task


@task
def empty(context):
    """Do nothing."""
'''


def main() -> int:
    """Measure, print, and return 1 when the ratio is above the rule."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "fabfile.py").write_text(STOCK)
        folders = {"stock": Path(folder), "suite": PROJECT}
        times: dict[str, list[float]] = {name: [] for name in folders}
        for _ in range(ROUNDS):
            for name, where in folders.items():
                times[name].append(_seconds(where))
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = medians["suite"] / medians["stock"]
    for name, median in medians.items():
        print(f"{name}: {median * 1000:.0f} ms, median of {ROUNDS}, best {min(times[name]):.3f} s")
    print(f"ratio: {ratio:.2f}, at most {MOST}")
    return 1 if ratio > MOST else 0


def _seconds(folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run([FAB, "--list"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
