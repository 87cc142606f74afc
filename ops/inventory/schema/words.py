"""The words the schema is made of: names, paths, durations, references to secrets."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from ops.inventory.schema import crontimes


class Model(BaseModel):
    """Base of every part of the inventory: strict types, unknown keys refused, frozen."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_by_name=True)


def _cidr(value: str) -> str:
    """Return the range as AWS spells it, so that it is known again: lower case, with a prefix."""
    try:
        return str(ipaddress.ip_network(value))
    except ValueError as error:
        raise ValueError(f"not an address range such as 192.0.2.0/24: {error}") from None


def _cron_time(value: str) -> str:
    crontimes.parse(value)
    return value


def _template(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError("names a file below templates/, so neither / in front nor ..")
    return value


def _root(value: str) -> str:
    if value != "/" and (value.endswith("/") or "//" in value or "/../" in f"{value}/"):
        raise ValueError("write the path without a trailing slash, // or ..")
    return value


Level = Literal["crash", "filesystem", "application"]
"""How consistent a snapshot is."""

LEVELS: tuple[Level, ...] = get_args(Level)
"""The lowest first."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
"""A component, slot, volume or data set: lower case letters, digits, dashes."""

SlotVolume = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z0-9-]{0,40}\.)?[a-z][a-z0-9-]{0,40}$")
]
"""A volume, after its slot and a dot where that is not `main`."""

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$")]
"""A host name, an IPv4 or an IPv6 address."""

UserName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]

AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f]*$"), AfterValidator(_root)]
"""A path from the root, without control characters, trailing slash or `..`."""

Cidr = Annotated[str, AfterValidator(_cidr)]
"""A range of addresses, IPv4 or IPv6; one address is a range of one."""

Template = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._/-]+$"), AfterValidator(_template)
]
"""A file below templates/ of the inventory or, failing that, of the suite."""

Duration = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*[smhdwy]$")]
"""A number and one of s, m, h, d, w, y (a year has 365 days): `26h`, `30d`."""

Mode = Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]
"""Permission bits as four octal digits, quoted: "0644"."""

Secret = Annotated[str, StringConstraints(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
"""Where a secret is, never the secret: `env:NAME`, or `file:PATH` (relative to the repo)."""

ResticRepository = Annotated[
    str,
    StringConstraints(
        pattern=r"^(/[^\x00-\x1f]+|sftp:[A-Za-z0-9._-]+@[A-Za-z0-9._-]+:/[^\x00-\x1f]+|s3:https?://\S+)$"
    ),
]
"""Where restic's repository is: a folder, `sftp:USER@HOST:/PATH`, `s3:https://HOST/BUCKET`."""

CronTime = Annotated[
    str, StringConstraints(pattern=r"^\S+ \S+ \S+ \S+ \S+$"), AfterValidator(_cron_time)
]
"""Five fields as in crontab(5): minute hour day month weekday."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


def seconds(duration: str) -> int:
    """Return the seconds of a Duration: `seconds("26h") == 93600`. Raise ValueError otherwise."""
    match = re.fullmatch(r"([1-9][0-9]*)([smhdwy])", duration)
    if match is None:
        raise ValueError(f"not a duration such as 26h or 30d: {duration!r}")
    return int(match[1]) * _UNITS[match[2]]
