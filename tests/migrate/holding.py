"""Ranges of a big file that the source does not read before it may.

On one machine a transfer is over within a second, and who is to break it may come later than that:
so it stays under way until it is broken.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

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


def held(programs: Path, first: int) -> Callable[[], None]:
    """Hold all ranges but those in the `first` bytes, for some minutes; return what lets them go.

    `programs` is a folder that is to come first in the PATH of the source.
    """
    programs.mkdir(exist_ok=True)
    go, dd = programs / "go", programs / "dd"
    dd.write_text(_DD.format(first=first, go=go, dd=shutil.which("dd")))
    dd.chmod(0o755)
    return go.touch
