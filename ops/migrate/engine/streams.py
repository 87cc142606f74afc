"""The streams on the source: one script that serves them all, and its tasks.

Each stream is one SSH connection with two lanes. A lane takes the next line of the queue, sends
what it names through its connection, and takes the next, so that the connection never idles while
an end is confirmed. The script tells once a second how far each lane is; a lane that was killed
is told as one whose connection broke, and begun anew. The controller's lifeline ends the script
with all its children.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops.migrate.engine.shards import Big, Range, Shard, Task
from ops.remote.command import Command, script

LANES = "a b"

STARTING = 6
"""Connections that may be on their way at the same time."""

CIPHER = "Ciphers=^aes128-gcm@openssh.com"
"""The fastest where processors have AES; the others stay allowed."""

FACTOR = 128
"""Blocks of 512 bytes in a record of an archive: what a pipe holds, written and read at once."""

LANES_AT_MOST = 128
"""Lanes that may wait for the queue to grow; each is woken by a line of its own."""

# Processors are what small files cost most: a task starts few programs.
#
# What the lanes tell are short writes, one each, so they stay whole in the shared pipe. What tail
# shows has no end of line, so each begins with one.
#
# The queue is one open file that all lanes read on from, each under a lock. Who finds no more in
# it waits for a line in `wake`, of which the script alone holds the other end: all lanes end when
# the script itself is gone.
_SERVE = f"""
cd -- "$1" && root=$2 && shift 2 || exit
umask 077
here=$(cd -P -- "$root" && pwd -P && echo .)
here=${{here%??}}
: >>lock
exec 3<queue 4<>wake 5<wake
streams=0
until [ -e wanted ]; do
    [ -e lock ] || exit
    sleep 0.02
done

lane() {{
    stream=$1 lane=$2
    shift 2
    while [ ! -e over ] && kill -0 $$ 2>/dev/null; do
        exec 8<lock
        flock 8 || continue
        IFS= read -r line <&3 || line=
        exec 8<&-
        if [ -n "$line" ]; then
            serve "$@" 3<&- 5<&-
        else
            read -r _ <&5
        fi
    done
}}

through() {{
    what=$1
    shift
    exec ssh -o "ControlPath=c.$stream" "$@" target "$what" >/dev/null 2>"fault.$lane"
}}

sent() {{
    if [ -n "$pack" ]; then
        $pack -c | through "$@"
    else
        through "$@"
    fi
}}

# The log-in that owns the files may put a link in the place of a folder while we read as root.
enter() {{
    below=${{1#"$root"}}
    cd -P -- "$1" && now=$(pwd -P && echo .) && now=${{now%??}} || exit
    [ "${{now%/}}" = "${{here%/}}${{below%/}}" ] || exit
}}

archive() {{
    read -r batch from length <<END
${{line#*;}}
END
    dd "if=names.$batch" "of=list.$lane" bs=64k iflag=skip_bytes,count_bytes \\
        "skip=$from" "count=$length" 2>/dev/null || {{
        code=143
        return
    }}
    : >"code.$lane"
    {{
        LC_ALL=C tar -c ${{pack:+"--use-compress-program=$pack"}} \\
            --blocking-factor={FACTOR} --format=posix --pax-option=delete=atime,delete=ctime \\
            --numeric-owner --xattrs "--xattrs-include=*" --sparse --no-recursion \\
            --no-unquote -C "$root" --checkpoint=3 \\
            "--checkpoint-action=echo=$number %u" --null -T "list.$lane" 2>"said.$lane"
        echo "$number $?" >"code.$lane"
    }} | through "$task" "$@"
    code=$?
    [ "$code" = 0 ] || return
    read -r archived <"code.$lane"
    [ "$archived" = "$number 0" ] && ! grep -qv "^tar: [0-9]* [0-9]*$" "said.$lane" || code=24
}}

range() {{
    read -r _ key _ offset length _ <<END
$task
END
    code=1
    [ -f "big.$key" ] || return
    path=$(readlink -n -- "big.$key" && echo .)
    path=${{path%.}}
    (
        enter "${{path%/*}}"
        LC_ALL=C exec dd "if=./${{path##*/}}" bs=1M \\
            iflag=nofollow,skip_bytes,count_bytes,fullblock \\
            "skip=$offset" "count=$length" status=progress
    ) 2>"said.$lane" | sent "$task" "$@"
    code=$?
}}

serve() {{
    number=${{line%% *}} task=${{line%;*}} task=${{task#* }}
    echo "$number" >"at.$lane"
    case $task in
    *zstd) pack="zstd -1q" ;;
    *gzip) pack="gzip -1" ;;
    *) pack= ;;
    esac
    code=1
    case $task in
    tar*) archive "$@" ;;
    range*) range "$@" ;;
    esac
    : >"said.$lane"
    why=
    [ "$code" = 0 ] || why=$(tail -qn 1 "fault.$lane" 2>/dev/null | head -c 300)
    printf '\\ndone %s %s %s %s\\n' "$lane" "$number" "$code" "$why"
    : >"at.$lane"
    [ "$code" != 255 ] || sleep 1
}}

connect() {{
    rm -f "c.$stream"
    ssh -o ControlMaster=yes -o "ControlPath=c.$stream" "$@" -N target \\
        </dev/null >/dev/null 2>"master.$stream" 3<&- 5<&- &
    master=$!
    until [ -S "c.$stream" ] || ! kill -0 "$master" 2>/dev/null; do sleep 0.02; done
}}

stream() {{
    stream=$1
    shift
    connect "$@"
    : >"tried.$stream"
    for each in {LANES}; do
        lane "$stream" "$stream$each" "$@" &
        echo $! >"pid.$stream$each"
    done
    while kill -0 $$ 2>/dev/null; do
        sleep 2
        kill -0 "$master" 2>/dev/null || connect "$@"
    done
    kill "$master"
}}

# sshd drops connections when too many (MaxStartups, 10 by default) have not logged in yet.
begin() {{
    set -- tried.*
    [ -e "$1" ] || shift
    [ $((streams - $#)) -lt {STARTING} ]
}}

# A lane that is gone without a word has left the number of its task, and maybe programs that still
# read and write its files: the new one has files of its own.
mend() {{
    [ ! -e over ] || return
    for each in pid.*; do
        [ -s "$each" ] && read -r pid <"$each" && ! kill -0 "$pid" 2>/dev/null || continue
        lane=${{each#pid.}} number=
        [ ! -s "at.$lane" ] || read -r number <"at.$lane"
        rm -f "list.$lane" "code.$lane" "fault.$lane"
        : >"at.$lane"
        [ -z "$number" ] || printf '\\ndone %s %s 255 its lane was killed\\n' "$lane" "$number"
        lane "${{lane%?}}" "$lane" "$@" 4>&- &
        echo $! >"$each"
    done
}}

while :; do
    read -r wanted <wanted
    while [ "$streams" -lt "$wanted" ] && begin; do
        streams=$((streams + 1))
        : >"said.${{streams}}a" && : >"said.${{streams}}b"
        stream "$streams" "$@" 4>&- &
        sleep 0.1
    done
    mend "$@"
    tail -v -c 120 said.* 2>/dev/null
    printf '\\ntick\\n'
    sleep 1
done
"""

_STOP = """
cd -- "$1" && : >over && yes "" | head -n "$2" 1<>wake
"""

_WANT = """
cd -- "$1" && echo "$2" >wanted.new && mv wanted.new wanted
"""

# Standard input holds, one behind the other: the names of all archives, the lines of the queue,
# and the paths of big files, each ended by a NUL byte and led by its key. Nothing is queued
# before all of it has come.
_QUEUE = """
cd -- "$1" && root=$2 batch=$3 waiting=$4 || exit
umask 077
head -c "$5" >"names.$batch" && head -c "$6" >"lines.$batch" && cat >"paths.$batch" || exit
came=$(echo $(stat -c %s "names.$batch" "lines.$batch" "paths.$batch"))
[ "$came" = "$5 $6 $7" ] || { echo "ops: of $5 $6 $7 bytes only $came came" >&2; exit 74; }
xargs -0 -r -n 2 sh -c 'ln -sfn -- "$1/$3" "big.$2"' ops "$root" <"paths.$batch" || exit
flock lock cat "lines.$batch" >>queue || exit
rm -f "lines.$batch" "paths.$batch"
yes "" | head -n "$waiting" 1<>wake
"""


def serve(inside: str, root: str, ssh: Sequence[str], *, as_root: bool) -> Command:
    """Return the command that serves the queue until it is ended, once streams are wanted."""
    return script(_SERVE, inside, root, *quick(ssh)[1:], root=as_root)


def quick(ssh: Sequence[str]) -> list[str]:
    """Return ssh's words with the cipher that costs least."""
    return [ssh[0], "-o", CIPHER, *ssh[1:]]


def shared(ssh: Sequence[str], stream: int) -> list[str]:
    """Return ssh's words for one more channel of a stream's connection, from `inside`."""
    return [ssh[0], "-o", f"ControlPath=c.{stream}", *quick(ssh)[1:]]


def want(inside: str, streams: int, *, as_root: bool) -> Command:
    """Return the command that asks for so many streams."""
    return script(_WANT, inside, str(streams), root=as_root)


def stop(inside: str, *, as_root: bool) -> Command:
    """Return the command that ends the lanes, and leaves the connections open."""
    return script(_STOP, inside, str(LANES_AT_MOST), root=as_root)


def queue(
    inside: str,
    root: str,
    tasks: Sequence[tuple[int, Task, str]],
    bigs: Iterable[Big],
    *,
    as_root: bool,
) -> Command:
    """Return the command that appends tasks to the queue: (number, task, how it is packed).

    `bigs` are the files whose ranges are queued now or later.
    """
    names = bytearray()
    lines: list[str] = []
    batch = tasks[0][0] if tasks else 0
    for number, task, pack in tasks:
        words = f"{number} {words_of(number, task)} {pack}".rstrip()
        if isinstance(task, Shard):
            lines.append(f"{words};{batch} {len(names)} {len(task.names)}\n")
            names += task.names
        else:
            lines.append(f"{words};\n")
    parts = [
        bytes(names),
        "".join(lines).encode(),
        b"".join(b"%b\0%b\0" % (big.key.encode(), big.path) for big in bigs),
    ]
    woken = min(len(lines), LANES_AT_MOST)
    numbers = (str(number) for number in (batch, woken, *map(len, parts)))
    return script(_QUEUE, inside, root, *numbers, stdin=b"".join(parts), root=as_root)


def words_of(number: int, task: Task) -> str:
    """Return what the gate on the target is asked for, but for the packing."""
    if isinstance(task, Range):
        return f"range {task.big.key} {task.big.size} {task.offset} {task.length}"
    return f"tar {number}"
