"""Files in doubt after they were read: looked at again, and named when they prove nothing."""

from __future__ import annotations

from ops.remote.command import script
from ops.remote.host import Host
from ops.verify.answers import Answer, Batch
from ops.verify.faults import Fault
from ops.verify.look import IDENTITY
from ops.verify.tree import Tree

_AGAIN = (
    'cd -P -- "$1" && exec nice -n "$2" xargs -0 -r sh -c '
    f'\'find "$@" -maxdepth 0 -printf "%p\\0{IDENTITY}\\0" 2>/dev/null; :\' find'
)
SILENT = "other content than before, while its metadata did not change: silent corruption"


def look_again(host: Host, tree: Tree, names: list[bytes], *, nice: int = 0) -> dict[bytes, bytes]:
    """Return the identities of the files that are there now, by name."""
    stdin = b"\0".join(names) + b"\0"
    command = script(_AGAIN, tree.root, str(nice), root=tree.as_root, stdin=stdin)
    parts = host.run(command).out.split(b"\0")
    return dict(zip(parts[0:-1:2], parts[1::2], strict=True))


def fault(
    name: bytes,
    *,
    before: bytes,
    now: bytes | None,
    digest: bytes | None,
    reasons: dict[bytes, str],
) -> Fault | None:
    """Return what is wrong with a file, given its identities and what was read; maybe nothing."""
    if now is None:
        return Fault(name, "vanished", "it was there when the scan began")
    if now != before:
        return Fault(name, "changed", "it changed while it was read")
    if digest is None:
        reason = reasons.get(name, "md5sum did not read it to its end")
        return Fault(name, "unreadable", reason)
    return None


def unread(batch: Batch) -> Answer:
    """Return the answer that says nothing of a batch."""
    return Answer(batch, [None] * len(batch.names), False, 1, b"")


def reasons(answer: Answer) -> dict[bytes, str]:
    """Return why md5sum could not read files, by name, as far as it says so plainly."""
    said = {}
    for line in answer.errors.splitlines():
        name, found, reason = line.removeprefix(b"md5sum: ").rpartition(b": ")
        if found:
            said[name.strip(b"'")] = reason.decode("utf-8", "backslashreplace")
    return said
