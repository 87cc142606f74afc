"""Programs of the source that do not go on before they may.

On one machine a transfer is over within a second, and who is to break it, or to look at it, may
come later than that: so it stays under way until then.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

_DD = """\
#!/bin/sh
left=4000
for word; do
    case $word in skip=*)
        until [ "${{word#skip=}}" -lt {first} ] || [ -e "{go}" ] || [ "$left" = 0 ]; do
            left=$((left - 1))
            sleep 0.05
        done
        ;;
    esac
done
exec {dd} "$@"
"""

_RSYNC = """\
#!/bin/sh
timeout 60 sh -c 'until [ -e "$1" ]; do sleep 0.05; done' sh "{go}"
exec {rsync} "$@"
"""


def found_first(programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have this machine's programs found in this folder before others; return the folder."""
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return programs


def held(programs: Path, first: int) -> Callable[[], None]:
    """Hold big files' ranges beyond the `first` bytes for some minutes; return what lets them go.

    `programs` is a folder that is to come first in the PATH of the source.
    """
    programs.mkdir(exist_ok=True)
    go, dd = programs / "go", programs / "dd"
    dd.write_text(_DD.format(first=first, go=go, dd=shutil.which("dd")))
    dd.chmod(0o755)
    return go.touch


def held_rsync(programs: Path) -> Path:
    """Hold rsync, a minute at most; return the file that lets it go once it is there.

    `programs` is a folder that is to come first in the PATH of the source.
    """
    programs.mkdir(exist_ok=True)
    go, rsync = programs / "go", programs / "rsync"
    rsync.write_text(_RSYNC.format(go=go, rsync=shutil.which("rsync")))
    rsync.chmod(0o755)
    return go
