"""What is done on the target around the streams: making room aside, and putting in place.

All of it happens in TEMPORARY at the target's root. There `run` names the run whose streams may
write; `tar.N` is an archive being unpacked, `big/KEY` a file of which ranges arrive, `big/KEY.done/
OFFSET-BYTES` says which have. What had come before the machine went down may not be on its disk:
`boot` tells since when all that lies there is from. Whole files are linked to their names and
never over others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ops.errors import Incomplete
from ops.migrate.engine.ends import Busy, Ends
from ops.migrate.engine.outcome import BUSY
from ops.migrate.engine.rsync import PARTIAL, TEMPORARY
from ops.migrate.engine.shards import Big
from ops.migrate.engine.whole import whole
from ops.remote.command import script

_BEGIN = f"""
cd -- "$1" && exec 9<. && flock -w 60 -E {BUSY} 9 || exit
umask 077 && time= boot=$(cat /proc/sys/kernel/random/boot_id)
[ -d {TEMPORARY} ] || time=$(stat -c %y .)
mkdir -p {TEMPORARY} && cd {TEMPORARY} || exit
[ "$(cat boot 2>/dev/null)" = "$boot" ] || rm -rf -- big place tar.*
for part in tar.*[0-9]; do
    [ -d "$part" ] || continue
    find "$part" -type f -newer "$part.start" -delete
    cp -rlPnT -- "$part" .. 2>/dev/null
done
[ ! -d place ] || cp -rlPnT -- place .. 2>/dev/null
find . -mindepth 1 -maxdepth 1 ! -name big -exec rm -rf -- {{}} +
echo "$2" >run && echo "$boot" >boot || exit
[ -z "$time" ] || touch -m -d "$time" ..
[ ! -d big ] || echo left
"""
# Parts of files that are gone from the source go too; the folders around them keep their time.
_END = f"""
cd -- "$1" && exec 9<. && flock -w 45 9 || exit
[ "$3" != all ] || find . -xdev -type d -name {PARTIAL} -prune -exec sh -c '
    for part; do
        time=$(stat -c %y -- "${{part%/*}}")
        rm -rf -- "$part"
        touch -m -d "$time" -- "${{part%/*}}"
    done
' ops {{}} +
[ -d {TEMPORARY} ] || exit 0
if [ -e {TEMPORARY}/run ]; then [ "$(cat {TEMPORARY}/run)" = "$2" ] || exit 0; fi
time=$(stat -c %y .)
[ "$3" = all ] && rm -rf {TEMPORARY}/big
rmdir {TEMPORARY}/big 2>/dev/null
[ -d {TEMPORARY}/big ] || rm -f {TEMPORARY}/boot
find {TEMPORARY} -mindepth 1 -maxdepth 1 ! -name big ! -name boot -exec rm -rf -- {{}} +
rmdir {TEMPORARY} 2>/dev/null
touch -m -d "$time" .
"""

_HELD = f"""
cd -- "$1" && exec 9<. && flock -s -w 30 -E {BUSY} 9 || exit
[ "$(cat {TEMPORARY}/run)" = "$2" ] || exit {BUSY}
umask 077
"""

# What says that ranges are there goes first: without them it would make zeros of the next run's.
_RANGES = f"""{_HELD}
cd {TEMPORARY}/big 2>/dev/null || exit 0
exec 5<&0
find . -mindepth 1 -maxdepth 1 -printf "%f\\n" | sed "s/[.]done\\$//" | sort -u |
    grep -vxF -f /proc/self/fd/5 |
    while read -r key; do rm -rf -- "$key.done" "$key"; done
find . -type f -printf "%P\\n"
"""

# Standard input: of each file its key, size, time and path.
_PLACE = f"""{_HELD}
xargs -0 -r -n 4 sh -c '
    aside=$0/big/$1 new=$0/place/$4
    [ -f "$aside" ] && [ "$(stat -c %s -- "$aside")" = "$2" ] || exit 0
    printf "%s\\n" "$aside.done"/*-* | sed "s|.*/||" | sort -t- -k1,1n |
        awk -F- -v "size=$2" "
            \\$1 > at {{ exit }}
            \\$1 + \\$2 > at {{ at = \\$1 + \\$2 }}
            END {{ exit at != size }}
        " || exit 0
    touch -m -d "@$3" -- "$aside" && sync -- "$aside" || exit 0
    rm -rf "$0/place" && mkdir -p -- "${{new%/*}}" && ln -- "$aside" "$new" || exit 0
    cp -rlPnT -- "$0/place" . 2>/dev/null
    [ "$aside" -ef "./$4" ] && rm -rf -- "$aside.done" && rm -f -- "$aside" && echo "$1"
    rm -rf "$0/place"
' {TEMPORARY}
"""


def begin(ends: Ends, root: str, run: str) -> bool:
    """Open the root for the run's streams, and put in place what a dead run has left whole.

    Return whether it has also left ranges of big files. Raise Busy when the streams of another
    run do not end, Incomplete when nothing can be written.
    """
    result = ends.target.run(script(_BEGIN, root, run, root=ends.target_root), check=False)
    if result.code == BUSY:
        raise Busy(f"{ends.target.name}: another transfer still writes into {root}")
    if result.code != 0:
        said = result.err.decode(errors="replace").strip().splitlines()
        raise Incomplete(
            f"{ends.target.name}: nothing can be written into {root}: {(said or ['?'])[-1]}",
            "Is it mounted read-only, full, or somebody else's? Cure that and run it again.",
        )
    return b"left" in result.out


def ranges(ends: Ends, root: str, run: str, bigs: Iterable[Big]) -> frozenset[tuple[str, int, int]]:
    """Return (key, offset, bytes) of the ranges of these files that earlier runs have brought.

    Those of all other files are removed: they are of an older content, or in place.
    """
    keys = b"".join(one.key.encode() + b"\n" for one in bigs)
    asked = whole(_RANGES, root, run, stdin=keys, root=ends.target_root)
    lines = ends.target.run(asked).out.decode().splitlines()
    return arrived(lines)


def arrived(lines: Sequence[str]) -> frozenset[tuple[str, int, int]]:
    """Return the ranges that are there, given all paths below `big`.

    What is said to be done of a file that is not there is not.
    """
    there, found = set(lines), set()
    for line in lines:
        key, _, span = line.partition(".done/")
        offset, _, length = span.partition("-")
        if key in there and offset.isdigit() and length.isdigit():
            found.add((key, int(offset), int(length)))
    return frozenset(found)


def place(ends: Ends, root: str, run: str, bigs: Iterable[Big]) -> frozenset[str]:
    """Give big files their names of which all ranges are there; return the keys of those."""
    told = (
        b"%b\0%d\0%b\0./%b\0" % (one.key.encode(), one.size, one.modified.encode(), one.path)
        for one in bigs
    )
    text = b"".join(told)
    if not text:
        return frozenset()
    asked = whole(_PLACE, root, run, stdin=text, root=ends.target_root)
    return frozenset(ends.target.run(asked).out.decode().split())


def end(ends: Ends, root: str, run: str, *, complete: bool) -> None:
    """Remove what lies aside; parts only when the set is `complete`, else the next run goes on."""
    words = (root, run, "all" if complete else "")
    ends.target.run(script(_END, *words, root=ends.target_root))
