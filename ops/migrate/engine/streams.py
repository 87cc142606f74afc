"""The streams on the source: one script that serves them all, its tasks, and what it tells.

Each stream is one SSH connection with two lanes. A lane takes the next line of the queue, sends
what it names through its connection, and takes the next, so that the connection never idles while
an end is confirmed. The script tells once a second how far each lane is. The controller's lifeline
ends it with all its children.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ops.migrate.engine.shards import Range, Shard, Task
from ops.remote.command import Command, script

LANES = "a b"

STARTING = 6
"""Connections that may be on their way at the same time."""

BLOCK = 10240
"""Bytes of a record of tar, in which its checkpoints count."""

CIPHER = "Ciphers=^aes128-gcm@openssh.com"
"""The fastest where processors have AES; the others stay allowed."""

# Lines that the lanes write are one short write each, so they stay whole in the shared pipe; what
# tail shows has no end of line, so each begins with one. All end when the script itself is gone.
# The queue is one open file that all
# lanes read on from; each reads under a lock.
_SERVE = f"""
cd -- "$1" && root=$2 && shift 2 || exit
umask 077
: >>lock
exec 3<queue
streams=0

lane() {{
    stream=$1 lane=$2
    shift 2
    exec 8<lock
    while [ ! -e over ] && kill -0 $$ 2>/dev/null; do
        flock 8
        IFS= read -r line <&3 || line=
        flock -u 8
        if [ -z "$line" ]; then
            sleep 0.05
            continue
        fi
        serve "$@" 8<&- 3<&-
    done
}}

through() {{
    what=$1
    shift
    ssh -o "ControlPath=c.$stream" "$@" target "$what" >/dev/null 2>"fault.$lane"
}}

sent() {{
    if [ -n "$pack" ]; then
        $pack -c | through "$@"
    else
        through "$@"
    fi
}}

serve() {{
    number=${{line%% *}} task=${{line#* }}
    case $task in
    *zstd) pack="zstd -1q" ;;
    *gzip) pack="gzip -1" ;;
    *) pack= ;;
    esac
    case $task in
    tar*)
        {{
            LC_ALL=C tar -c ${{pack:+"--use-compress-program=$pack"}} \\
                --format=posix --pax-option=delete=atime,delete=ctime \\
                --numeric-owner --xattrs "--xattrs-include=*" --sparse --no-recursion \\
                --no-unquote -C "$root" --checkpoint=100 \\
                "--checkpoint-action=echo=$number %u" --null -T "list.$number" 2>"said.$lane"
            echo $? >"code.$lane"
        }} | through "$task" "$@"
        code=$?
        read -r archived <"code.$lane"
        [ "$code" != 0 ] || [ "$archived" = 0 ] || code=24
        ;;
    range*)
        read -r _ key _ offset length _ <<END
$task
END
        if [ -f "big.$key" ]; then
            LC_ALL=C dd "if=big.$key" bs=1M iflag=skip_bytes,count_bytes,fullblock \\
                "skip=$offset" "count=$length" status=progress \\
                2>"said.$lane" | sent "$task" "$@"
            code=$?
        else
            code=1
        fi
        ;;
    esac
    : >"said.$lane"
    rm -f "list.$number"
    printf '\\ndone %s %s %s %s\\n' "$lane" "$number" "$code" \\
        "$(tail -qn 1 "fault.$lane" 2>/dev/null | head -c 300)"
}}

stream() {{
    stream=$1
    shift
    ssh -o ControlMaster=yes -o "ControlPath=c.$stream" "$@" -N target \\
        </dev/null >/dev/null 2>"master.$stream" &
    master=$!
    until [ -S "c.$stream" ] || ! kill -0 "$master" 2>/dev/null; do sleep 0.02; done
    : >"tried.$stream"
    printf '\\nopen %s\\n' "$stream"
    for each in {LANES}; do
        lane "$stream" "$stream$each" "$@" &
    done
    while kill -0 $$ 2>/dev/null; do sleep 2; done
    kill "$master"
}}

# sshd drops connections when too many (MaxStartups, 10 by default) have not logged in yet.
begin() {{
    set -- tried.*
    [ -e "$1" ] || shift
    [ $((streams - $#)) -lt {STARTING} ]
}}

while :; do
    read -r wanted <wanted
    while [ "$streams" -lt "$wanted" ] && begin; do
        streams=$((streams + 1))
        : >"said.${{streams}}a" && : >"said.${{streams}}b"
        stream "$streams" "$@" &
        sleep 0.1
    done
    tail -v -c 120 said.* 2>/dev/null
    printf '\\ntick\\n'
    sleep 1
done
"""

_PREPARE = """
cd -- "$1" && : >queue && echo "$2" >wanted
"""

_STOP = """
cd -- "$1" && : >over
"""

_WANT = """
cd -- "$1" && echo "$2" >wanted.new && mv wanted.new wanted
"""

# Standard input holds, one behind the other: lists of names of given lengths, the lines of the
# queue, and then paths of big files, each ended by a NUL byte and led by its key.
_QUEUE = """
cd -- "$1" && lines=$2 root=$3 && shift 3 || exit
umask 077
while [ $# -gt 0 ]; do
    head -c "$2" >"list.$1" || exit
    shift 2
done
head -c "$lines" >lines || exit
xargs -0 -r -n 2 sh -c 'ln -sfn -- "$1/$3" "big.$2"' ops "$root" || exit
flock lock sh -c 'cat lines >>queue'
"""

_DONE = re.compile(rb"done (?P<lane>\S+) (?P<number>\d+) (?P<code>\d+) ?(?P<said>.*)\Z", re.DOTALL)
_LANE = re.compile(rb"==> said\.(?P<lane>\S+) <==\Z")
_RANGE = re.compile(rb"(?P<bytes>\d+) bytes .*copied")
_TAR = re.compile(rb"tar: (?P<number>\d+) (?P<records>\d+)\Z")


def serve(inside: str, root: str, ssh: Sequence[str], *, as_root: bool) -> Command:
    """Return the command that serves the queue until it is ended."""
    return script(_SERVE, inside, root, *quick(ssh)[1:], root=as_root)


def quick(ssh: Sequence[str]) -> list[str]:
    """Return ssh's words with the cipher that costs least."""
    return [ssh[0], "-o", CIPHER, *ssh[1:]]


def shared(ssh: Sequence[str], stream: int) -> list[str]:
    """Return ssh's words for one more channel of a stream's connection, from `inside`."""
    return [ssh[0], "-o", f"ControlPath=c.{stream}", *quick(ssh)[1:]]


def prepare(inside: str, streams: int, *, as_root: bool) -> Command:
    """Return the command that makes an empty queue for so many streams."""
    return script(_PREPARE, inside, str(streams), root=as_root)


def want(inside: str, streams: int, *, as_root: bool) -> Command:
    """Return the command that asks for so many streams."""
    return script(_WANT, inside, str(streams), root=as_root)


def stop(inside: str, *, as_root: bool) -> Command:
    """Return the command that ends the lanes, and leaves the connections open."""
    return script(_STOP, inside, root=as_root)


def queue(
    inside: str, root: str, tasks: Iterable[tuple[int, Task, str]], *, as_root: bool
) -> Command:
    """Return the command that appends tasks to the queue: (number, task, how it is packed)."""
    lists: list[bytes] = []
    lines: list[str] = []
    words: list[str] = []
    paths: dict[str, bytes] = {}
    for number, task, pack in tasks:
        if isinstance(task, Shard):
            lists.append(bytes(task.names))
            words += [str(number), str(len(task.names))]
        else:
            paths[task.big.key] = task.big.path
        lines.append(f"{number} {words_of(number, task)} {pack}".rstrip() + "\n")
    text = "".join(lines).encode()
    links = b"".join(b"%b\0%b\0" % (key.encode(), path) for key, path in paths.items())
    told = b"".join([*lists, text, links])
    return script(_QUEUE, inside, str(len(text)), root, *words, stdin=told, root=as_root)


def words_of(number: int, task: Task) -> str:
    """Return what the gate on the target is asked for, but for the packing."""
    if isinstance(task, Range):
        return f"range {task.big.key} {task.big.size} {task.offset} {task.length}"
    return f"tar {number}"


@dataclass(frozen=True)
class Done:
    """A task that has ended; code 0 is well, 24 with gaps, 255 a connection that broke."""

    lane: str
    number: int
    code: int
    said: str


@dataclass
class Told:
    """What the script has told so far, in chunks of any size.

    `sent` has the bytes of what each lane is at, `streams` those that are open.
    """

    sent: dict[str, int] = field(default_factory=dict)
    streams: set[int] = field(default_factory=set)
    ticks: int = 0
    _rest: bytes = b""
    _lane: str = ""

    def feed(self, chunk: bytes) -> list[Done]:
        """Take in the next chunk; return the tasks that have ended."""
        *lines, self._rest = re.split(rb"[\r\n]", self._rest + chunk)
        return [done for line in lines if (done := self._hear(line)) is not None]

    def _hear(self, line: bytes) -> Done | None:
        if found := _DONE.match(line):
            lane = found["lane"].decode()
            self.sent[lane] = 0
            said = found["said"].decode("utf-8", "backslashreplace")
            return Done(lane, int(found["number"]), int(found["code"]), said)
        if found := _LANE.match(line):
            self._lane = found["lane"].decode()
            self.sent[self._lane] = 0
        elif found := _RANGE.match(line):
            self.sent[self._lane] = int(found["bytes"])
        elif found := _TAR.match(line):
            self.sent[self._lane] = int(found["records"]) * BLOCK
        elif line.startswith(b"open "):
            self.streams.add(int(line[5:]))
        elif line == b"tick":
            self.ticks += 1
        return None
