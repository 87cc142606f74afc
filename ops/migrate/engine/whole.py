"""Scripts that act on their standard input only when all of it has come.

A connection that breaks ends a standard input as if it were complete, and `xargs -0` takes a last
record without its NUL byte for whole: of `./old/report.bak` may remain `./old/report`, another
file. So the input is counted before anything is done with it.
"""

from __future__ import annotations

from ops.remote.command import Command, Word, script

# The file has no name any more when it is read, so nothing stays behind.
_COUNTED = """
told=$(mktemp /dev/shm/ops-migrate.told.XXXXXXXX) && exec 6<"$told" || exit
head -c "$1" >"$told"
came=$(stat -c %s -- "$told")
rm -f -- "$told"
[ "$came" = "$1" ] || { echo "ops: of $1 bytes of standard input only $came came" >&2; exit 74; }
exec <&6 6<&-
shift
"""


def whole(text: str, *args: Word, stdin: bytes, root: bool = False) -> Command:
    """Return a command that runs TEXT with `sh` once all of `stdin` is on the host."""
    return script(_COUNTED + text, str(len(stdin)), *args, root=root, stdin=stdin)
