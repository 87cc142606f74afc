"""The demo's story: commands as a person would type them, and one byte spoilt in between."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.remote.command import script
from ops.remote.host import Host

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Act:
    """One thing done in the demo: what it shows, how, and with which exit code it should end.

    `task` are the words after `fab`; `deed` is done instead where no task does it.
    """

    shows: str
    task: tuple[str, ...] = ()
    code: int = 0
    deed: Callable[[], str] | None = None

    @property
    def typed(self) -> str:
        """Return the act as a person would type or call it."""
        return " ".join(("fab", *self.task)) if self.task else "by hand"


@dataclass(frozen=True)
class Played:
    """An act as it went."""

    act: Act
    code: int
    seconds: float

    @property
    def good(self) -> bool:
        """Return whether it ended as it should."""
        return self.code == self.act.code


def play(
    acts: Sequence[Act], fab: Path, environ: Mapping[str, str], tell: Callable[[str], None]
) -> list[Played]:
    """Carry out the acts in order and return how they went; the first surprise ends it.

    The tasks' own output goes where ours goes.
    """
    played: list[Played] = []
    for act in acts:
        tell(f"\n# {act.shows}\n$ {act.typed}")
        started = time.monotonic()
        code = _fab(fab, act.task, environ) if act.task else _do(act, tell)
        played.append(Played(act, code, time.monotonic() - started))
        if not played[-1].good:
            break
    return played


def spoil(host: Host, root: str, *, as_root: bool = True) -> str:
    """Change the first byte of one file below `root`, size and name as before; return its path.

    A file with a plain name is taken, so that the path can be printed as it is.
    """
    text = """
        set -eu
        export LC_ALL=C
        file=$(find "$1" -type f -size +0 -links 1 ! -path '*[![:print:]]*' | sort | tail -n 1)
        first=$(head -c 1 -- "$file" | od -An -tu1 | tr -d ' ')
        printf "\\\\$(printf %o $(((first + 1) % 256)))" |
            dd of="$file" bs=1 count=1 conv=notrunc status=none
        printf %s "$file"
    """
    return host.run(script(text, root, root=as_root)).out.decode(errors="backslashreplace")


def fetch(url: str, expect: str) -> str:
    """Return one line on the page at `url`. Raise OpsError unless it holds `expect`."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310  # http of the lab
            page = answer.read().decode(errors="replace")
    except OSError as error:
        raise OpsError(f"{url} does not answer: {error}") from error
    if expect not in page:
        raise OpsError(f"{url} answers, but not with {expect!r}")
    return f"{url} answers with {expect!r}"


def _fab(fab: Path, words: Sequence[str], environ: Mapping[str, str]) -> int:
    argv = [str(fab), "--search-root", str(PROJECT), *words]
    return subprocess.run(argv, env=dict(environ), stdin=subprocess.DEVNULL, check=False).returncode


def _do(act: Act, tell: Callable[[str], None]) -> int:
    if act.deed is None:
        return 0
    try:
        tell(act.deed())
    except OpsError as error:
        tell(str(error))
        return error.exit_code
    return 0
