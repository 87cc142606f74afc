"""The demo's story: commands as a person would type them, and one byte spoilt in between."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.remote.command import script
from ops.remote.host import Host

PROJECT = Path(__file__).parents[2]

_LAST = 8
"""Lines of an act that went wrong which are told once more at the end."""


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
    """An act as it went; `last` is the end of what it said on standard error, where we hear it."""

    act: Act
    code: int
    seconds: float
    last: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Return whether it ended as it should."""
        return self.code == self.act.code


def play(
    acts: Sequence[Act], fab: Path, environ: Mapping[str, str], tell: Callable[[str], None]
) -> list[Played]:
    """Carry out the acts in order and return how they went; the first surprise ends it.

    The tasks' own output goes where ours goes; on a terminal they draw there themselves.
    """
    played: list[Played] = []
    for act in acts:
        tell(f"\n# {act.shows}\n$ {act.typed}")
        started = time.monotonic()
        code, last = _fab(fab, act.task, environ) if act.task else _do(act, tell)
        played.append(Played(act, code, time.monotonic() - started, last))
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


def keep_logs(lab: Path, folder: Path) -> None:
    """Copy what a lab and its hosts wrote into `folder`, made anew, before it is taken down."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in [lab / "daemon.log", *(lab / "hosts").glob("*/console")]:
        name = path.name if path.parent == lab else f"{path.parent.name}.console"
        with suppress(OSError):  # a host that is gone meanwhile, or none at all
            shutil.copyfile(path, folder / name)


def _fab(
    fab: Path, words: Sequence[str], environ: Mapping[str, str]
) -> tuple[int, tuple[str, ...]]:
    argv = [str(fab), "--search-root", str(PROJECT), *words]
    heard = None if sys.stderr.isatty() else subprocess.PIPE
    last: deque[str] = deque(maxlen=_LAST)
    with subprocess.Popen(
        argv, env=dict(environ), stdin=subprocess.DEVNULL, stderr=heard, text=True, errors="replace"
    ) as process:
        try:
            for line in process.stderr or ():
                sys.stderr.write(line)
                sys.stderr.flush()
                last.append(line.rstrip("\n"))
            process.wait()
        except BaseException:
            _end(process)  # it needs the lab, which is taken down now
            raise
    return process.returncode, tuple(last)


def _end(process: subprocess.Popen[str]) -> None:
    """End an act in order, or after half a minute at once."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()


def _do(act: Act, tell: Callable[[str], None]) -> tuple[int, tuple[str, ...]]:
    if act.deed is None:
        return 0, ()
    try:
        tell(act.deed())
    except OpsError as error:
        tell(str(error))
        return error.exit_code, (str(error),)
    return 0, ()
