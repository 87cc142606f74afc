"""What is done on the target around the streams: making room aside, and putting in place.

All of it happens in TEMPORARY at the target's root. There `run` names the run whose streams may
write; `tar.N` is an archive being unpacked, `big/KEY` a file of which ranges arrive, `big/KEY.done/
OFFSET-BYTES` says which have. Whole files are linked to their names and never over others.
"""

from __future__ import annotations

from collections.abc import Iterable

from ops.errors import Incomplete
from ops.migrate.engine.door import Busy, Ends
from ops.migrate.engine.outcome import BUSY
from ops.migrate.engine.rsync import PARTIAL, TEMPORARY
from ops.migrate.engine.shards import Big
from ops.remote.command import script

_BEGIN = f"""
cd -- "$1" && exec 9<. && flock -w 60 -E {BUSY} 9 || exit
umask 077 && time=
[ -d {TEMPORARY} ] || time=$(stat -c %y .)
mkdir -p {TEMPORARY} && cd {TEMPORARY} || exit
for part in tar.*[0-9]; do
    [ -d "$part" ] || continue
    find "$part" -type f -newer "$part.start" -delete
    cp -rlPnT -- "$part" .. 2>/dev/null
done
[ ! -d place ] || cp -rlPnT -- place .. 2>/dev/null
find . -mindepth 1 -maxdepth 1 ! -name big -exec rm -rf -- {{}} +
echo "$2" >run || exit
[ -z "$time" ] || touch -m -d "$time" ..
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
find {TEMPORARY} -mindepth 1 -maxdepth 1 ! -name big -exec rm -rf -- {{}} +
rmdir {TEMPORARY} 2>/dev/null
touch -m -d "$time" .
"""

_HELD = f"""
cd -- "$1" && exec 9<. && flock -s -w 30 -E {BUSY} 9 || exit
[ "$(cat {TEMPORARY}/run)" = "$2" ] || exit {BUSY}
umask 077
"""

_RANGES = """
cd -- "$1" && cd .ops-temp/big 2>/dev/null || exit 0
find . -path "./*.done/*-*" -printf "%P\\n"
"""

_PLACE = f"""{_HELD}
mkdir {TEMPORARY}/place || exit
xargs -0 -r -n 3 sh -c '
    aside=.ops-temp/big/$1 new=.ops-temp/place/$3
    [ -f "$aside" ] || exit 0
    mkdir -p -- "${{new%/*}}" && touch -m -d "@$2" -- "$aside" && mv -- "$aside" "$new"
' ops
cp -rlPnT -- {TEMPORARY}/place . 2>/dev/null
rm -rf {TEMPORARY}/place
"""

_FORGET = f"""{_HELD}
cd {TEMPORARY}/big 2>/dev/null || exit 0
for name in *; do
    case " $3 " in *" ${{name%.done}} "*) ;; *) rm -rf -- "$name" ;; esac
done
"""


def begin(ends: Ends, root: str, run: str) -> None:
    """Open the root for the run's streams, and put in place what a dead run has left whole.

    Raise Busy when the streams of another run do not end, Incomplete when nothing can be written.
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


def ranges(ends: Ends, root: str) -> frozenset[tuple[str, int, int]]:
    """Return (key, offset, bytes) of the ranges that earlier runs have brought."""
    text = ends.target.run(script(_RANGES, root, root=ends.target_root)).out.decode()
    found = set()
    for line in text.splitlines():
        key, _, span = line.partition(".done/")
        offset, _, length = span.partition("-")
        found.add((key, int(offset), int(length)))
    return frozenset(found)


def place(ends: Ends, root: str, run: str, bigs: Iterable[Big]) -> None:
    """Give whole big files their names."""
    told = (b"%b\0%b\0./%b\0" % (one.key.encode(), one.modified.encode(), one.path) for one in bigs)
    text = b"".join(told)
    if text:
        ends.target.run(script(_PLACE, root, run, stdin=text, root=ends.target_root))


def forget(ends: Ends, root: str, run: str, kept: Iterable[Big]) -> None:
    """Remove the ranges of all files but these: they are of an older content, or in place."""
    keys = " ".join(one.key for one in kept)
    ends.target.run(script(_FORGET, root, run, keys, root=ends.target_root))


def end(ends: Ends, root: str, run: str, *, whole: bool) -> None:
    """Remove what lies aside; parts only when the set is `whole`, else the next run goes on."""
    words = (root, run, "all" if whole else "")
    ends.target.run(script(_END, *words, root=ends.target_root))
