"""Dump a database on its host, and believe the dump only when every part of it is good.

A dump counts when the hook ended with 0, is no smaller than declared, and ends as a whole dump
of its engine ends. Only then it takes the place of the one before. Hooks run with `-e`, and one
whose first line names bash with `pipefail` too, so that the exit of every part of its pipes
counts; a pipe in plain sh hides all exits but the last, and only the end of the dump tells.
"""

from __future__ import annotations

from collections.abc import Sequence

from ops.errors import OpsError
from ops.remote.command import Command, script
from ops.remote.errors import CommandFailed
from ops.remote.host import Host

PATIENCE = 6 * 3600.0

_DUMP = r"""
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
engine=$1 to=$2 least=$3 shell=$4 text=$5
shift 5
new=$to.new
fail() { rm -f -- "$new"; echo "$1" >&2; exit 1; }
mkdir -p -m 700 -- "${to%/*}" || exit 1
if [ "$shell" = bash ]; then
  bash -e -o pipefail -c "$text" hook "$@" >"$new" </dev/null
else
  sh -e -c "$text" hook "$@" >"$new" </dev/null
fi
code=$?
[ "$code" = 0 ] || fail "it ended with $code"
size=$(stat -c %s -- "$new") || fail "it wrote nothing"
[ "$size" -ge "$least" ] || fail "it wrote $size bytes, and less than $least is no dump"
case $engine in
  postgresql)
    if [ "$(head -c 5 -- "$new")" = PGDMP ]; then
      pg_restore --file=/dev/null -- "$new" || fail "pg_restore can't read it to its end"
    else
      tail -n 9 -- "$new" | grep -q '^-- PostgreSQL database dump complete' ||
        fail "its closing line is missing: it ended early"
    fi ;;
  mariadb)
    tail -n 1 -- "$new" | grep -q '^-- Dump completed' ||
      fail "its closing line is missing: it ended early" ;;
  ldap)
    head -n 1 -- "$new" | grep -q '^dn:' || fail "it does not begin with an entry"
    [ "$(tail -c 2 -- "$new" | od -An -tx1 | tr -d ' ')" = 0a0a ] ||
      fail "its last entry does not end: it ended early" ;;
esac
sync -f -- "$new" && mv -f -- "$new" "$to" && echo "$size"
"""


class DumpFailed(OpsError):
    """A dump is not to be trusted; the one before it stays."""


def dumping(engine: str, to: str, least: int, text: str, arguments: Sequence[str]) -> Command:
    """Return the command that dumps with a hook's text, checks, and keeps the dump as `to`."""
    first = text.partition("\n")[0]
    shell = "bash" if first.startswith("#!") and "bash" in first else "sh"
    return script(_DUMP, engine, to, str(least), shell, text, *arguments, root=True)


def dump(host: Host, name: str, asked: Command) -> int:
    """Return the size of a dump, in bytes. Raise DumpFailed when it is not whole."""
    try:
        return int(host.run(asked, timeout=PATIENCE).out)
    except CommandFailed as error:
        said = error.result.err.decode(errors="backslashreplace").strip()
        raise DumpFailed(
            f"{host.name}: the dump of {name} failed: {said or 'it said nothing'}",
            "Nothing was archived. Mend the hook or the database; the dump before it stays.",
        ) from error
