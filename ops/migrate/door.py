"""The door from source to target: a key for one run, what it may do, and its removal.

The key pair is made on the source and lives on tmpfs there. On the target its line in
authorized_keys first allows one knock, which tells the address that the target sees the source
at and how long a round trip takes; then, from that address only, streams into one folder. The
door is closed when the block is left; what a run that died has left open is closed by the
component's next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from ops.errors import Incomplete, OpsError
from ops.migrate import passes
from ops.migrate.outcome import BUSY
from ops.pages.render import render
from ops.remote.command import script
from ops.remote.endpoint import Endpoint, ssh_options
from ops.remote.errors import CommandFailed, HostKeyRefused, TimedOut, Unreachable
from ops.remote.host import Host

KNOCK_TIME = 60.0
"""Seconds that the first connection from source to target may take."""

LOCK_TIME = 60
"""Seconds to wait for a stream of a run that died; it ends within 30 by itself."""

# Both ends may be one machine: what this run ($2) has made stays until it is over.
_CLEAR = """
find /dev/shm -mindepth 1 -maxdepth 1 -name "$1.*" ! -name "$2.*" -user "$(id -u)" \\
    -exec rm -rf -- {} + || exit
"""

_FOLDER = """
[ "$(stat -f -c %T /dev/shm)" = tmpfs ] || { echo "/dev/shm is no tmpfs" >&2; exit 1; }
umask 077
folder=$(mktemp -d "/dev/shm/$2.XXXXXXXX") || exit
"""

_PREPARE_SOURCE = f"""{_CLEAR}{_FOLDER}
printf '%s\\n' "$4" >"$folder/known_hosts" || exit
ssh-keygen -q -t ed25519 -N '' -C "$3" -f "$folder/key" </dev/null >&2 || exit
echo "$folder"
date -u +%s.%N
exec cat -- "$folder/key.pub"
"""

# The log-in can read the gate, and only root can change it.
_PREPARE_TARGET = f"""
flock -w "$4" -E "$5" -- "$3" true || exit
{_CLEAR}{_FOLDER}
cat >"$folder/gate" && chmod 644 "$folder/gate" && chmod 755 "$folder" || exit
echo "$folder"
exec date -d '+1 day' +%Y%m%d%H%M%S
"""

_READ = """
file=$HOME/.ssh/authorized_keys
[ ! -e "$file" ] || exec cat -- "$file"
"""

# Only the whole new text, and only in place of the text that it was made from.
_REPLACE = """
umask 077
mkdir -p -- "$HOME/.ssh" && file=$(readlink -f -- "$HOME/.ssh/authorized_keys") || exit
exec 9<"$HOME/.ssh" && flock -w 10 9 || exit 75
new=$file.ops-$$
trap 'rm -f -- "$new"' EXIT
sum() { set -- $(sha256sum); echo "$1"; }
[ ! -e "$file" ] || cp -p -- "$file" "$new" || exit
[ "$(if [ -e "$file" ]; then cat -- "$file"; fi | sum)" = "$1" ] || exit 75
cat >"$new" && [ "$(sum <"$new")" = "$2" ] && mv -f -- "$new" "$file"
"""

# The clock's own cost is measured along with each round trip, and taken off.
_KNOCK = """
folder=$1
shift
rm -f "$folder/in" "$folder/out"
mkfifo "$folder/in" "$folder/out" || exit
"$@" target <"$folder/in" >"$folder/out" &
exec 3>"$folder/in" 4<"$folder/out"
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


@dataclass(frozen=True)
class Ends:
    """Both hosts of a transfer, and how the source is to reach the target.

    `target_key` is the target's pinned host key, `TYPE BASE64`. What is done on the source is
    done as root where its log-in may become root; the same on the target.
    """

    source: Host
    target: Host
    target_endpoint: Endpoint
    target_key: str
    source_root: bool = False

    @property
    def target_root(self) -> bool:
        """Return whether the target's log-in becomes root."""
        return self.target_endpoint.become == "sudo"


@dataclass(frozen=True)
class Way:
    """An open door: ssh's words for the source, and what the knock told.

    `inside` is the run's folder there. `opened` is when, by the source's clock: what changes
    there later, changes during the move.
    """

    ssh: tuple[str, ...]
    address: str
    round_trip: float
    opened: datetime
    inside: str


class Busy(Incomplete):
    """Somebody else writes into the target's root."""


@contextmanager
def opened(
    ends: Ends, component: str, run: str, root: str, templates: Sequence[Path]
) -> Iterator[Way]:
    """Open the door from the source into `root` on the target, and close it afterwards.

    First waits until nobody writes into `root`. Raise Busy when that takes too long,
    HostKeyRefused when the target does not show its pinned key to the source, Unreachable
    when the source does not get through, Incomplete when the door can't be closed.
    """
    keys = Keys(ends.target, component)
    try:
        yield _open(ends, keys, run, root, templates)
    except BaseException:
        with suppress(OpsError):
            _close(ends, keys)
        raise
    try:
        _close(ends, keys)
    except OpsError as error:
        raise Incomplete(
            f"the key of run {run} may still be on {ends.target.name}: {error.message}",
            "It ends within a day by itself; the component's next run removes it.",
        ) from None


class Keys:
    """The target's authorized_keys, in which the component has one line or none."""

    def __init__(self, target: Host, component: str) -> None:
        self.component = component
        self._target = target
        self._text: bytes | None = None

    def let(self, line: bytes) -> None:
        """Make `line` the component's only line; b"" for none. Raise OpsError if that fails."""
        for _ in range(5):
            old = self._target.run(script(_READ)).out if self._text is None else self._text
            new = passes.without(old, self.component)
            new = passes.added(new, line) if line else new
            said = self._replaced(old, new)
            if self._text is not None:
                return
        raise OpsError(
            f"{self._target.name}: authorized_keys could not be changed{said}",
            "Look at ~/.ssh of the log-in there; a line with ops-migrate in it can be removed.",
        )

    def _replaced(self, old: bytes, new: bytes) -> str:
        """Put `new` in the place of `old`, remember it; else forget and return why."""
        if new != old or self._text is None:
            digests = [sha256(text).hexdigest() for text in (old, new)]
            result = self._target.run(script(_REPLACE, *digests, stdin=new), check=False)
            if result.code != 0:
                self._text = None
                return f": {result.err.decode(errors='replace').strip()}" if result.err else ""
        self._text = new
        return ""


def _open(ends: Ends, keys: Keys, run: str, root: str, templates: Sequence[Path]) -> Way:
    mark = passes.mark(keys.component, run)
    names = _folder(ends, keys.component), f"{_folder(ends, keys.component)}.{run}"
    gate, expiry = _prepare_target(ends, names, run, root, templates)
    known = f"{ends.target_endpoint.key_name} {ends.target_key}"
    prepare = script(_PREPARE_SOURCE, *names, mark, known, root=ends.source_root)
    inside, clock, public = ends.source.run(prepare).out.decode().splitlines()[:3]

    keys.let(passes.line(public, mark, f"sh {gate} knock", expiry))
    ssh = _ssh(ends.target_endpoint, inside)
    address, round_trip = _knock(ends, inside, ssh)
    keys.let(passes.line(public, mark, f"sh {gate}", expiry, address))
    return Way(ssh, address, round_trip, datetime.fromtimestamp(float(clock), UTC), inside)


def _close(ends: Ends, keys: Keys) -> None:
    """Remove the component's line and folders, of whatever run they are."""
    try:
        keys.let(b"")
    finally:
        for host, root in (ends.source, ends.source_root), (ends.target, ends.target_root):
            host.run(script(_CLEAR, _folder(ends, keys.component), "", root=root))


def _folder(ends: Ends, component: str) -> str:
    """Return how a component's folders begin; per target, as a site and a lab may share a host."""
    return f"ops-migrate.{component}.{sha256(ends.target_key.encode()).hexdigest()[:8]}"


def _prepare_target(
    ends: Ends, names: tuple[str, str], run: str, root: str, templates: Sequence[Path]
) -> tuple[str, str]:
    """Put the gate on the target; return its path and when its key is to expire."""
    values = {"run": run, "root": root, "sudo": ends.target_root, "busy": BUSY}
    text = render("migrate/gate.sh.j2", templates, **values)
    words = (*names, root, str(LOCK_TIME), str(BUSY))
    asked = script(_PREPARE_TARGET, *words, root=ends.target_root, stdin=text.encode())
    result = ends.target.run(asked, check=False, timeout=LOCK_TIME + KNOCK_TIME)
    if result.code == BUSY:
        raise Busy(f"{ends.target.name}: another transfer still writes into {root}")
    if result.code != 0:
        raise CommandFailed(ends.target.name, result)
    folder, expiry = result.out.decode().split()
    return f"{folder}/gate", expiry


def _ssh(target: Endpoint, inside: str) -> tuple[str, ...]:
    """Return ssh's words for the source; the host is to be called `target`."""
    there = replace(
        target,
        known_hosts=Path(inside, "known_hosts"),
        identity=Path(inside, "key"),
        gateway=None,
        ssh_config=None,
    )
    words = ("ssh", *ssh_options(there), "-o", f"HostName={target.address}", "-o", "LogLevel=ERROR")
    if odd := [word for word in words if any(mark in word for mark in " \t'\"")]:
        raise OpsError(f"{target.where}: rsync can't take {odd[0]!r} as an option of ssh")
    return words


def _knock(ends: Ends, inside: str, ssh: Sequence[str]) -> tuple[str, float]:
    """Return the address that the target sees, and the round trip from source to target."""
    knock = script(_KNOCK, inside, *ssh, root=ends.source_root)
    try:
        result = ends.source.run(knock, check=False, timeout=KNOCK_TIME)
    except TimedOut:
        raise _unreachable(ends, f"no answer within {KNOCK_TIME:g} s") from None
    lines = result.out.decode(errors="replace").splitlines()
    trips = [int(line) for line in lines[1:] if line.lstrip("-").isdigit()]
    if result.code != 0 or not trips:
        raise _refusal(ends, result.err.decode(errors="replace").strip())
    return lines[0].split()[0], max(min(trips), 0) / 1e9


def _refusal(ends: Ends, said: str) -> OpsError:
    target = ends.target_endpoint
    if "Host key verification failed" in said or "host key is known" in said:
        return HostKeyRefused(
            f"{ends.source.name}: {target.where} does not show its pinned host key there",
            "Something else may answer at that address. If the host was really made anew, "
            "provision pins its new key.",
        )
    if "Permission denied" in said:
        return OpsError(
            f"{ends.source.name}: {target.where} does not let the run's key in: {said}",
            "sshd there has to read ~/.ssh/authorized_keys and take ed25519 keys.",
        )
    return _unreachable(ends, said)


def _unreachable(ends: Ends, said: str) -> Unreachable:
    target = ends.target_endpoint
    return Unreachable(
        f"{ends.source.name} can't reach {target.where}: {said}",
        f"Port {target.port} has to be open for the source: see the instance's rules.",
    )
