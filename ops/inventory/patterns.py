r"""Exclude patterns: one language for transfer and verification, a subset of rsync's.

    *.tmp         entries of such a name, in any folder
    /cache        the entry `cache` of the root itself; `/a/b` one below it
    a/b           `b` in an `a`, in any folder
    /cache/       only if it is a folder
    *             any part of one name: never a slash
    **            any part of a path, slashes too: `/a/**/b`, but not `/a/b`
    ?             one byte, but no slash
    [a-z_]        one byte of these, [!a-z] one of the others; never a slash
    \*            the character itself: any of \ * ? [ ]

What lies in an excluded folder is excluded with it. Names are bytes, so that `*` matches
names in any encoding, and `é` in UTF-8 takes two `?`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

_WORD = re.compile(
    rb"(?P<stars>\*+)|(?P<any>\?)|(?P<set>\[[!^]?(?:\\.|\]|[^\\\]])(?:\\.|[^\\\]])*\])"
    rb"|(?P<escape>\\.?)|(?P<plain>.)",
    re.DOTALL,
)
_MEMBER = re.compile(rb"\\?(?P<first>.)(?:-(?!\Z)\\?(?P<last>.))?", re.DOTALL)
_WILD = re.compile(r"[*?\[]")


class BadPattern(ValueError):
    """A pattern outside the language; its text says what is wrong."""


class Pattern:
    """One exclude pattern. Raise BadPattern when `text` is not in the language."""

    def __init__(self, text: str) -> None:
        _check(text)
        self.text = text
        self.folders_only = text.endswith("/")
        self._expression = re.compile(_expression(os.fsencode(text.removesuffix("/"))), re.DOTALL)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def matches(self, path: bytes, *, folder: bool) -> bool:
        """Return whether the entry at `path` (below the root, no slash in front) matches."""
        if self.folders_only and not folder:
            return False
        return self._expression.search(b"/" + path) is not None

    @cached_property
    def rsync_rule(self) -> str:
        """Return the filter rule of rsync that does the same.

        rsync takes a backslash as it is in a pattern without wildcards, and as an escape in
        the others.
        """
        wild = _WILD.search(self.text)
        return "- " + (self.text if wild else re.sub(r"\\(.)", r"\1", self.text))


class Excludes:
    """Several patterns together; remembers its answers for folders."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.patterns = tuple(Pattern(text) for text in texts)
        self._folders: dict[bytes, bool] = {b"": False}

    def hold(self, path: bytes, *, folder: bool = False) -> bool:
        """Return whether the entry at `path` is left out, by itself or with a folder above."""
        if not self.patterns:
            return False
        if folder:
            return self._hold_folder(path)
        above = path.rpartition(b"/")[0]
        return self._hold_folder(above) or self._match(path, folder=False)

    def rsync_arguments(self) -> list[str]:
        """Return the arguments that make rsync leave out the same (source with a slash at its
        end)."""
        return [f"--filter={pattern.rsync_rule}" for pattern in self.patterns]

    def _hold_folder(self, path: bytes) -> bool:
        known = self._folders.get(path)
        if known is None:
            above = path.rpartition(b"/")[0]
            known = self._hold_folder(above) or self._match(path, folder=True)
            self._folders[path] = known
        return known

    def _match(self, path: bytes, *, folder: bool) -> bool:
        return any(pattern.matches(path, folder=folder) for pattern in self.patterns)


def _check(text: str) -> None:
    steps = text.removesuffix("/").removeprefix("/").split("/")
    if "\0" in text:
        raise BadPattern("a name holds no NUL byte")
    if steps == [""]:
        raise BadPattern("an empty pattern matches nothing")
    if "" in steps:
        raise BadPattern("two slashes in a row match nothing")
    if "." in steps or ".." in steps:
        raise BadPattern("`.` and `..` match nothing: patterns start at the root of the data set")


def _expression(pattern: bytes) -> bytes:
    """Return the regular expression to be searched in a path with a slash in front."""
    body = b"".join(_translated(pattern.removeprefix(b"/")))
    if pattern.startswith(b"**"):
        return rb"\A" + body + rb"\Z"
    return (rb"\A/" if pattern.startswith(b"/") else b"/") + body + rb"\Z"


def _translated(pattern: bytes) -> Iterator[bytes]:
    for word in _WORD.finditer(pattern):
        text, kind = word.group(), word.lastgroup
        if kind == "stars":
            yield _stars(text)
        elif kind == "any":
            yield b"[^/]"
        elif kind == "set":
            yield _set(text[1:-1])
        elif kind == "escape":
            yield re.escape(_escaped(text))
        elif text == b"[":
            raise BadPattern("[ without its ]: write \\[ for the character itself")
        else:
            yield re.escape(text)


def _stars(text: bytes) -> bytes:
    if len(text) > 2:
        raise BadPattern("more than two * in a row")
    return b"[^/]*" if len(text) == 1 else b".*"


def _escaped(text: bytes) -> bytes:
    if text[1:] not in (b"\\", b"*", b"?", b"[", b"]"):
        raise BadPattern("a backslash stands before one of \\ * ? [ ] only")
    return text[1:]


def _set(inside: bytes) -> bytes:
    negated = inside[:1] in (b"!", b"^")
    members: set[int] = set()
    if b"[" in inside or b"/" in inside:
        raise BadPattern("neither [ nor / within [...]")
    for member in _MEMBER.finditer(inside[negated:]):
        first, last = member["first"][0], (member["last"] or member["first"])[0]
        if last < first:
            raise BadPattern("a range runs backwards within [...]")
        members.update(range(first, last + 1))
    allowed = (set(range(256)) - members if negated else members) - {ord("/")}
    listed = b"".join(b"\\x%02x" % number for number in sorted(allowed))
    return b"[" + listed + b"]" if listed else b"(?!)"
