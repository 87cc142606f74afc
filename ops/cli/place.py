"""Where the suite stands on this machine, and the inventory it works on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.inventory.repository import Repository

PROJECT = Path(__file__).resolve().parents[2]
"""The folder with fabfile/, templates/ and the sample inventory."""


def repository() -> Repository:
    """Return the inventory that OPS_INVENTORY or fabric.yaml names.

    Raise Refused when there is none.
    """
    from ops.inventory.repository import Repository

    return Repository.find(os.environ, PROJECT)


def state_folder() -> Path:
    """Return the folder for what the suite keeps of its own faults; it may not exist yet.

    It is XDG's state folder of the account; without a home it is var/ in the project.
    """
    base = os.environ.get("XDG_STATE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "ops-suite"
    home = os.environ.get("HOME")
    return Path(home) / ".local/state/ops-suite" if home else PROJECT / "var"
