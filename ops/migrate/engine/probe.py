"""What the link carries: probed over the first connections while both sides are listed.

Blocks of zeros go side by side through connections that are open anyway, each confirmed by the
gate before the next, larger one; that warms the connections up, too. It is an estimate, and one
from below where the link is faster than the windows of so many channels (see shards.WINDOW). It
ends as soon as there is something to send.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ops.errors import OpsError
from ops.migrate.engine import streams
from ops.remote.command import script
from ops.remote.host import Host


class Way(Protocol):
    """An open door, as ops.migrate.engine.door tells it."""

    @property
    def ssh(self) -> Sequence[str]: ...
    @property
    def inside(self) -> str: ...
    @property
    def round_trip(self) -> float | None: ...


BLOCKS = (65_536, 524_288, 2_097_152)
"""Bytes of the blocks that one connection sends; after a slow one no larger one is tried."""

LEAST = 1_000_000
"""Bytes that have to have arrived in all for an estimate."""

SLOW = 0.3
"""Seconds and four round trips after which a block was slow: TCP begins slowly."""

PATIENCE = 5.0
"""Seconds that all of it may take."""

# A line for each block: when it began, when its end was confirmed, in nanoseconds, and its bytes.
_PROBE = f"""
cd -- "$1" && count=$2 slow=$3 && shift 3 || exit
probe() {{
    number=$1
    shift
    until [ -e "tried.$number" ]; do sleep 0.02; done
    mkfifo "up.$number" "down.$number" || exit
    ssh -o "ControlPath=c.$number" "$@" target probe <"up.$number" >"down.$number" 2>/dev/null &
    exec 5>"up.$number" 6<"down.$number"
    IFS= read -r _ <&6 || exit
    for bytes in {" ".join(map(str, BLOCKS))}; do
        [ ! -s queue ] && [ ! -e over ] || break
        began=$(date +%s%N)
        head -c "$bytes" /dev/zero >&5 && IFS= read -r _ <&6 || break
        ended=$(date +%s%N)
        echo "$began $ended $bytes"
        [ $((ended - began)) -lt "$slow" ] || break
    done
    exec 5>&- 6<&-
    wait
}}
each=0
while [ "$each" -lt "$count" ]; do
    each=$((each + 1))
    probe "$each" "$@" &
done
wait
"""


def measured(source: Host, way: Way, connections: int, *, as_root: bool) -> float | None:
    """Return the bytes a second that so many connections carried at once, None if not seen."""
    slow = round(1e9 * (SLOW + 4 * (way.round_trip or 0.0)))
    words = (way.inside, str(connections), str(slow), *streams.quick(way.ssh)[1:])
    try:
        result = source.run(script(_PROBE, *words, root=as_root), check=False, timeout=PATIENCE)
    except OpsError:
        return None
    return estimated(result.out.decode(errors="replace").splitlines(), way.round_trip or 0.0)


def estimated(lines: Iterable[str], round_trip: float) -> float | None:
    """Return the highest rate of all blocks that were under way together, in bytes a second.

    Of the time that a block took one round trip was its confirmation's, or half of the time
    where that is less.
    """
    blocks = [tuple(map(int, line.split())) for line in lines]
    if sum(size for *_, size in blocks) < LEAST:
        return None
    rates = (
        sum(
            size / max(ended - began - 1e9 * round_trip, (ended - began) / 2)
            for began, ended, size in blocks
            if began <= moment < ended
        )
        for moment, *_ in blocks
    )
    return 1e9 * max(rates)
