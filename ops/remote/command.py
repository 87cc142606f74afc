"""Commands as values: argv words with secret parts, joined for a shell at the last moment.

A command never is a string that somebody pasted together. `line` and `feed` belong to each
other: the first is what the host's shell gets, the second what is written to its standard
input. Secret words and secret environment travel in the second, so that neither `ps` during
the start nor sudo's log shows them; a secret argument is visible in the started program's own
argument list, as always, so prefer `stdin` for passwords.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from ops.errors import UsageError

MASK = "***"


class Secret:
    """A text that no log, record or message shows: `str`, `repr` and f-strings give `***`.

    Equality and hash use the real value, never the mask.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the real value."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not written down")


Word = str | bytes | Secret

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_FROM_STDIN = 'eval "$(head -c "$1")" && exec "$@"'
_IN_FOLDER = 'cd -- "$1" && shift && exec "$@"'
_PLAIN = 'exec "$@"'
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]|[\ud800-\udfff\u2028\u2029]")


@dataclass(frozen=True)
class Command:
    """One program with its arguments, and how it is to be started.

    `root` means as root, through sudo where the host's user is somebody else. `stdin` is all
    that the program reads; without it, it reads nothing (never our own standard input). `env`
    is added to the environment of the host, `cwd` is entered first.
    """

    argv: tuple[Word, ...]
    root: bool = False
    stdin: bytes | Secret | None = field(default=None, repr=False)
    env: tuple[tuple[str, Word], ...] = ()
    cwd: str | bytes | None = None

    def __post_init__(self) -> None:
        if not self.argv or not encoded(self.argv[0]):
            raise UsageError("a command needs a program to start")
        words = [*self.argv, *(value for _, value in self.env), self.cwd or "."]
        if any(b"\0" in encoded(word) for word in words):
            raise UsageError(f"NUL byte in an argument of {self}")
        if wrong := next((name for name, _ in self.env if not _NAME.match(name)), None):
            raise UsageError(f"{wrong!r} is no name of an environment variable")

    def line(self, become: str) -> bytes:
        """Return the line for the host's POSIX shell; to be fed with `feed()`.

        With `root` and become "sudo" the whole of it, change of folder and secrets included,
        happens behind `sudo -n`, which never asks for a password.
        """
        words = self._confidential_words() if self._confidential else self._open_words()
        if b"=" in words[0]:
            words = [b"sh", b"-c", _PLAIN.encode(), b"ops", *words]
        if self.root and become == "sudo":
            words = [b"sudo", b"-n", b"--", *words]
        return b"exec " + joined(words)

    def feed(self) -> bytes:
        """Return what is written to the command's standard input before it is closed."""
        own = b"" if self.stdin is None else encoded(self.stdin)
        return (self._prelude() if self._confidential else b"") + own

    def __str__(self) -> str:
        shown = [f"{name}={_shown(value)}" for name, value in self.env]
        shown += [_shown(word) for word in self._told()]
        return " ".join((["sudo"] if self.root else []) + shown)

    def _told(self) -> tuple[Word, ...]:
        """Return the words for a person: a script's text on one line."""
        if len(self.argv) < 4 or self.argv[:2] != ("sh", "-c") or self.argv[3] != "ops":
            return self.argv
        return ("sh", "-c", " ".join(str(self.argv[2]).split()), *self.argv[4:])

    @property
    def _confidential(self) -> bool:
        return any(isinstance(word, Secret) for word in (*self.argv, *dict(self.env).values()))

    def _moved(self) -> list[bytes]:
        words = [encoded(word) for word in self.argv]
        if self.cwd is None:
            return words
        folder = encoded(self.cwd)
        folder = folder if folder.startswith(b"/") else b"./" + folder
        return [b"sh", b"-c", _IN_FOLDER.encode(), b"ops", folder, *words]

    def _open_words(self) -> list[bytes]:
        if not self.env:
            return self._moved()
        words = self._moved()
        if b"=" in words[0]:
            words = [b"sh", b"-c", _PLAIN.encode(), b"ops", *words]
        pairs = [name.encode() + b"=" + encoded(value) for name, value in self.env]
        return [b"env", *pairs, *words]

    def _confidential_words(self) -> list[bytes]:
        size = str(len(self._prelude())).encode()
        return [b"sh", b"-c", _FROM_STDIN.encode(), b"ops", size]

    def _prelude(self) -> bytes:
        """Return shell text that sets environment and arguments; cut short, it is no valid text."""
        exports = b"".join(
            b"export " + name.encode() + b"=" + quoted(encoded(value)) + b"\n"
            for name, value in self.env
        )
        return b"{\n" + exports + b"set -- " + joined(self._moved()) + b"\n}"


def command(
    *argv: Word,
    root: bool = False,
    stdin: bytes | Secret | None = None,
    env: Mapping[str, Word] | None = None,
    cwd: str | bytes | None = None,
) -> Command:
    """Return the command of these words: `command("md5sum", "-z", "--", name)`.

    Raise UsageError for no words, for a NUL byte and for a wrong variable name.
    """
    return Command(argv, root, stdin, tuple((env or {}).items()), cwd)


def script(
    text: str, *args: Word, root: bool = False, stdin: bytes | Secret | None = None
) -> Command:
    """Return a command that runs TEXT with `sh`, the arguments being its $1, $2 and so on.

    TEXT is a constant of ours; whatever varies is an argument, never pasted in.
    """
    return Command(("sh", "-c", text, "ops", *args), root, stdin)


def encoded(word: Word) -> bytes:
    """Return the real bytes of a word: text as UTF-8, undecodable bytes of names as they were."""
    if isinstance(word, bytes):
        return word
    text = word.reveal() if isinstance(word, Secret) else word
    return text.encode("utf-8", "surrogateescape")


def quoted(word: bytes) -> bytes:
    """Return the word quoted for a POSIX shell, byte for byte."""
    text = word.decode("utf-8", "surrogateescape")
    return shlex.quote(text).encode("utf-8", "surrogateescape")


def joined(words: list[bytes]) -> bytes:
    """Return the words as one line for a POSIX shell."""
    return b" ".join(quoted(word) for word in words)


def _shown(word: Word) -> str:
    if isinstance(word, Secret):
        return MASK
    text = encoded(word).decode("utf-8", "surrogateescape")
    return shlex.quote(_UNPRINTABLE.sub(_octal, text))


def _octal(found: re.Match[str]) -> str:
    octets = found.group().encode("utf-8", "surrogateescape")
    return "".join(f"\\{octet:03o}" for octet in octets)
