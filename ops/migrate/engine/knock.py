"""The knock: the first connection from source to target, and what it tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from ops.errors import OpsError
from ops.remote.command import Command
from ops.remote.endpoint import Endpoint
from ops.remote.errors import HostKeyRefused, TimedOut, Unreachable
from ops.remote.host import Host, Running

KNOCK_TIME = 60.0
"""Seconds that the first connection from source to target may take."""

TRIPS_TIME = 5.0
"""Seconds that measuring the round trips may take; a run does without them, too."""

# Through the first stream's connection, as soon as that was tried. The clock's own cost is
# measured along with each round trip, and taken off.
KNOCK = """
cd -- "$1" || exit
shift
rm -f in out
mkfifo in out || exit
if [ -e wanted ]; then
    until [ -e tried.1 ]; do sleep 0.02; done
fi
"$@" target knock <in >out &
exec 3>in 4<out
IFS= read -r connection <&4 || { wait $!; exit; }
echo "$connection"
for _ in 1 2 3; do
    a=$(date +%s%N)
    b=$(date +%s%N)
    echo . >&3
    IFS= read -r _ <&4 || exit 255
    c=$(date +%s%N)
    echo $((c - b - (b - a)))
done
exec 3>&-
wait $!
"""


class NoWay(OpsError):
    """The source does not get through to the target; both may well be reached from here."""


def answered(
    source: Host, target: Endpoint, knock: Command, admit: Callable[[str], None]
) -> tuple[str, float | None]:
    """Knock; return the address that the target sees, and the round trip in seconds.

    The address is told to `admit` while the round trips are still measured. A connection that
    breaks after that leaves them out: whoever uses the door next sees what is wrong. Raise
    HostKeyRefused when the target does not show its pinned key to the source, NoWay when the
    source does not get through, Unreachable when it is lost itself, OpsError when the key is not
    let in.
    """
    with source.start(knock) as running:
        lines, trips = _lines(running), list[int]()
        try:
            first = next(lines, "")
            if not first:
                running.wait(KNOCK_TIME)
        except TimedOut:
            raise _no_way(source, target, f"no answer within {KNOCK_TIME:g} s") from None
        if not first:
            raise _refusal(source, target, running.err.decode(errors="replace").strip())
        address = first.split()[0]
        admit(address)
        with suppress(TimedOut, Unreachable):
            trips += (int(line) for line in lines)
    return address, max(min(trips), 0) / 1e9 if trips else None


def _lines(running: Running) -> Iterator[str]:
    """Yield lines of output as they come. Raise TimedOut when the first or the others take long."""
    seconds, rest = KNOCK_TIME, b""
    until = time.monotonic() + seconds
    while (chunk := running.read(max(0.0, until - time.monotonic()))) != b"":
        if chunk is None:
            raise TimedOut(f"no end within {seconds:g} s")
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
        if lines and seconds == KNOCK_TIME:
            seconds = TRIPS_TIME
            until = time.monotonic() + seconds


def _refusal(source: Host, target: Endpoint, said: str) -> OpsError:
    if "Host key verification failed" in said or "host key is known" in said:
        return HostKeyRefused(
            f"{source.name}: {target.where} does not show its pinned host key there",
            "Something else may answer at that address. If the host was really made anew, "
            "provision pins its new key.",
        )
    if "Permission denied" in said:
        return OpsError(
            f"{source.name}: {target.where} does not let the run's key in: {said}",
            "sshd there has to read ~/.ssh/authorized_keys and take ed25519 keys.",
        )
    return _no_way(source, target, said)


def _no_way(source: Host, target: Endpoint, said: str) -> NoWay:
    return NoWay(
        f"{source.name} can't reach {target.where}: {said}",
        f"Is the network between them there? Port {target.port} has to be open for the source: "
        "see the instance's rules.",
    )
