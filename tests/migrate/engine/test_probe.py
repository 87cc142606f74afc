"""What the link carries, before anything is sent."""

from __future__ import annotations

import subprocess

from ops.migrate.engine import probe
from ops.migrate.engine.door import made
from ops.pages.render import SUITE
from tests.migrate.conftest import Pair

SECOND = 1_000_000_000


def _block(began: float, ended: float, size: int) -> str:
    return f"{began * SECOND:.0f} {ended * SECOND:.0f} {size}"


def test_what_goes_side_by_side_is_added_up() -> None:
    lines = [_block(0, 1, 1_000_000), _block(0.1, 1.1, 1_000_000), _block(2, 3, 500_000)]
    assert probe.estimated(lines, 0.0) == 2_000_000


def test_the_confirmation_of_a_block_is_no_time_of_the_link() -> None:
    assert probe.estimated([_block(0, 1.25, 2_000_000)], 0.25) == 2_000_000
    assert probe.estimated([_block(0, 1, 2_000_000)], 0.9) == 4_000_000


def test_from_little_nothing_is_concluded() -> None:
    assert probe.estimated([_block(0, 1, 65_536)], 0.0) is None
    assert probe.estimated([], 0.0) is None


def test_the_gate_confirms_each_block_and_keeps_none(pair: Pair) -> None:
    with made(pair.ends, "wiki", "R1", str(pair.target), [SUITE]) as door:
        door.hang()
        asked = [*door.knock().ssh, "target", "probe"]
        all_of_it = bytes(sum(probe.BLOCKS))
        done = subprocess.run(asked, input=all_of_it, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"\n" * (1 + len(probe.BLOCKS)))
    assert not list(pair.target.iterdir())
