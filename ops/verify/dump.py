"""The dump of a database: made by a hook, and not taken for whole unless it proves to be. Pure.

A dump that ends early looks like any other one. So four things are asked of it: that the hook
ended well, with every command in it and every part of its pipelines; that it has as many bytes
as a dump has at least; that its last lines have what the dump program writes at the very end; and
that it did not shrink to a small part of the one before. Moving and archiving ask the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from ops import quantities
from ops.escapes import escape

CLOSING = {
    "postgresql": b"-- PostgreSQL database dump complete",
    "mariadb": b"-- Dump completed",
    "ldap": b"# end of the dump",
}
"""What the last line of a dump begins with, by engine; for LDAP the hook writes it."""

LEAST = 0.1
"""Part of the last dump's size below which a dump is taken for broken."""

_AFTER = (b"--", b"#", b"\\unrestrict")
"""How lines begin that may follow the closing one: comments, and psql's end of restriction."""

_PATH = "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Without it the end of a pipeline would hide how its other parts ended.
_NO_BASH = "echo bash is needed to see how each part of a pipeline ends >&2"

DUMP = rf"""
command -v bash >/dev/null || {{ {_NO_BASH}; echo 127 0; exit; }}
{_PATH}
umask 077
file=$1 hook=$2
shift 2
bash -e -o pipefail -c "$hook" ops "$@" >"$file" </dev/null
printf '%s %s\n' $? "$(stat -c %s -- "$file")"
if [ "$(head -c 5 -- "$file")" = PGDMP ]; then # the custom format of PostgreSQL has no last line
  pg_restore --file=- -- "$file" | tail -c 4096
else
  tail -c 4096 -- "$file"
fi
"""
"""Script of FILE HOOK ARGUMENT...: dump into the file; print code, size, and the end."""

LOAD = rf"""
command -v bash >/dev/null || {{ {_NO_BASH}; exit 127; }}
{_PATH}
file=$1 hook=$2
shift 2
exec bash -e -o pipefail -c "$hook" ops "$@" <"$file"
"""
"""Script of FILE HOOK ARGUMENT...: load the dump that the file holds."""


@dataclass(frozen=True)
class Dump:
    """What is known of a dump: the hook's code and last words, its size, its last bytes."""

    code: int
    said: str
    size: int
    end: bytes


def read(printed: bytes, said: str) -> Dump:
    """Return what DUMP printed. Raise ValueError for anything else."""
    first, _, end = printed.partition(b"\n")
    code, size = first.split()
    return Dump(int(code), said, int(size), end)


def fault(dump: Dump, engine: str, *, before: int = 0, least: int = 1) -> str:
    """Return why the dump can't be whole, "" when nothing speaks against it.

    `before` are the bytes of the dump before it, 0 if there was none.
    """
    if dump.code:
        return f"the dump hook ended with {dump.code}: {dump.said or 'it said nothing'}"
    if not dump.size:
        return "the dump is empty"
    if dump.size < least:
        return f"the dump has {quantities.size(dump.size)}, and less than {least} bytes is none"
    if missing := _missing(dump.end, CLOSING[engine]):
        return f"the dump ends early, after {quantities.size(dump.size)}: {missing}"
    if dump.size < LEAST * before:
        return (
            f"the dump has {quantities.size(dump.size)}, and the last one had "
            f"{quantities.size(before)}"
        )
    return ""


def _missing(end: bytes, closing: bytes) -> str:
    """Return what is wrong with the end of a dump."""
    lines = end.split(b"\n")
    for line in reversed(lines):
        if line.startswith(closing):
            return "" if end.endswith(b"\n") else "its last line has no end"
        if line and not line.startswith(_AFTER):
            return f"its last line is {escape(line[-60:])}, not {escape(closing)}"
    return f"its last line is not {escape(closing)}"
