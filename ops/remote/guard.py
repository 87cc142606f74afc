"""What keeps a command on a host from living longer than it should; values only.

A guarded command ends, with all its children, by SIGTERM and five seconds later by SIGKILL:
- after `seconds`, counted on the host itself, whatever becomes of us;
- when its lifeline ends: our side of its standard input is closed, because we do not want it
  any more, were killed, or lost the connection;
- with a `beat`, also when nothing came over the lifeline for that many seconds (a network that
  went away without a word).

The exit code and the signal of the command pass through unchanged. Children that start a session
of their own (daemons) are out of reach, on purpose. What a
command reads comes first over the lifeline, and is counted: its input ends, the lifeline does not.

Behind this stand `sh`, `head`, `dd`, `mktemp`, `mkfifo`, `sleep` and `timeout` (coreutils) of the
host: `timeout` makes a process group, passes on SIGTERM to all of it, and repeats what killed it.
"""

from __future__ import annotations

from dataclasses import replace

from ops.remote.command import Command, encoded

KILL_AFTER = 5
"""Seconds between SIGTERM and SIGKILL."""

BEAT = 4.0
"""Seconds between two signs of life that we send."""

SILENCE = 20
"""Seconds without one after which the host ends a started command: 25 with KILL_AFTER."""

# The watcher is a child of the guarded process, which keeps its number through every exec, so its
# exit is the exit of the whole. The watcher kills nobody but its parent, and only while that still
# is its parent. `timeout` that has forked and does not know it yet would end without its command:
# a moment later it does. The watcher's outputs go nowhere, or the host would wait for it before
# reporting the end.
_SCRIPT = """
size=$1 seconds=$2 silence=$3 patience=$4
shift 4
watch() {
    if [ "$silence" = 0 ]; then
        while read -r _ <&3; do :; done
    else
        while [ -n "$(timeout "$silence" dd bs=4096 count=1 <&3 2>/dev/null)" ]; do :; done
    fi
    sleep 0.1
    read -r _ _ _ parent _ </proc/self/stat
    [ "$parent" != "$$" ] || kill -TERM "$$"
}
exec 3<&0 </dev/null
if [ "$size" -ge 0 ]; then
    inbox=$(mktemp -d) && mkfifo -m 600 "$inbox/in" || exit 125
    {
        exec >/dev/null 2>&1
        head -c "$size" <&3 >"$inbox/in"
        rm -r "$inbox"
        watch
    } &
    exec timeout -k "$patience" "$seconds" "$@" <"$inbox/in" 3<&-
fi
{ exec >/dev/null 2>&1; watch; } &
exec timeout -k "$patience" "$seconds" "$@" 3<&-
"""


def guarded(
    command: Command, *, seconds: float = 0, silence: float = 0, patience: float = KILL_AFTER
) -> Command:
    """Return the command on a lifeline; 0 means without limit.

    The standard input that the result is fed with stays open as long as the command is wanted.
    """
    size = -1 if command.stdin is None else len(encoded(command.stdin))
    numbers = (str(size), _number(seconds), _number(silence), _number(patience))
    return replace(command, argv=("sh", "-c", _SCRIPT, "ops", *numbers, *command.argv))


def _number(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".")
