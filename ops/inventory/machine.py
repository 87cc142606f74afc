"""This machine and this account, as records and the controller's setting name them."""

from __future__ import annotations

import getpass
import hashlib
import pwd
import socket
from pathlib import Path

from ops.inventory.git import Author

_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def machine_id() -> str:
    """Return this machine's id, 32 hex digits; of a machine without one, made from its name."""
    for path in _FILES:
        text = path.read_text().strip() if path.is_file() else ""
        if len(text) == 32:
            return text
    return hashlib.sha256(host_name().encode()).hexdigest()[:32]


def host_name() -> str:
    """Return the name of this machine."""
    return socket.gethostname() or "localhost"


def user_name() -> str:
    """Return the account that this process runs as."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def account(number: int) -> str:
    """Return the name of the account with that number; the number when it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def suite() -> Author:
    """Return the author of what tasks commit: the suite, on behalf of the account."""
    return Author("ops", f"{user_name()}@{host_name()}")


def person() -> Author:
    """Return the author of what a person changes through the suite."""
    return Author(user_name(), f"{user_name()}@{host_name()}")
