"""The knock: the first connection from source to target, and what it tells."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ops.errors import OpsError
from ops.remote.command import Command
from ops.remote.endpoint import Endpoint
from ops.remote.errors import HostKeyRefused, TimedOut, Unreachable
from ops.remote.host import Host, Running

KNOCK_TIME = 60.0
"""Seconds that the first connection from source to target may take."""

# Through the first stream's connection, as soon as that was tried. The clock's own cost is
# measured along with each round trip, and taken off.
KNOCK = """
cd -- "$1" || exit
shift
rm -f in out
mkfifo in out || exit
if [ -e queue ]; then
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


def answered(
    source: Host, target: Endpoint, knock: Command, admit: Callable[[str], None]
) -> tuple[str, float]:
    """Knock; return the address that the target sees, and the round trip in seconds.

    The address is told to `admit` while the round trips are still measured. Raise
    HostKeyRefused when the target does not show its pinned key to the source, Unreachable when
    the source does not get through, OpsError when the key is not let in.
    """
    address, trips = "", list[int]()
    try:
        with source.start(knock) as running:
            for line in _lines(running):
                if address:
                    trips.append(int(line))
                else:
                    address = line.split()[0]
                    admit(address)
            code, said = running.wait(KNOCK_TIME), running.err
    except TimedOut:
        raise _unreachable(source, target, f"no answer within {KNOCK_TIME:g} s") from None
    if code != 0 or not trips:
        raise _refusal(source, target, said.decode(errors="replace").strip())
    return address, max(min(trips), 0) / 1e9


def _lines(running: Running) -> Iterator[str]:
    """Yield lines of output as they come. Raise TimedOut when all of it takes longer."""
    until, rest = time.monotonic() + KNOCK_TIME, b""
    while (chunk := running.read(max(0.0, until - time.monotonic()))) != b"":
        if chunk is None:
            raise TimedOut(f"no end within {KNOCK_TIME:g} s")
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)


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
    return _unreachable(source, target, said)


def _unreachable(source: Host, target: Endpoint, said: str) -> Unreachable:
    return Unreachable(
        f"{source.name} can't reach {target.where}: {said}",
        f"Is the network between them there? Port {target.port} has to be open for the source: "
        "see the instance's rules.",
    )
