"""The plan of a host's accounts and of its time zone. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ops.inventory.schema import User
from ops.plan import Step
from ops.provision.desired import Desired
from ops.provision.observed import Host, HostUser


def users(desired: Desired, host: Host) -> Iterator[Step]:
    """Yield a step for each account that is not as declared; those not declared are left alone."""
    for user in desired.users:
        there = host.accounts.get(user.name)
        why = _differences(user, there) if there else []
        if there and not why:
            continue
        changed = f", differs: {', '.join(why)}" if why else ""
        yield Step(
            "user.set",
            f"{desired.slot}:{user.name}",
            f"{'set' if there else 'make'} the account {user.name} ({_told(user)}){changed}",
            {"slot": desired.slot, **user.model_dump()},
            "change" if there else "add",
        )


def time_zone(desired: Desired, host: Host) -> Iterator[Step]:
    """Yield the step that sets the time zone, where one is declared and another is set."""
    wanted = desired.time_zone
    if wanted and host.time_zone != wanted:
        before = f", now {host.time_zone}" if host.time_zone else ""
        told = {"slot": desired.slot, "zone": wanted}
        words = f"set the time zone {wanted}{before}"
        yield Step("zone.set", desired.slot, words, told, "change")


def keys_text(user: User) -> str:
    """Return the account's authorized_keys."""
    return "".join(f"{key}\n" for key in user.keys)


def sudo_text(user: User) -> str:
    """Return the account's file in /etc/sudoers.d, "" when it is to have none."""
    return f"{user.name} ALL=(ALL) NOPASSWD:ALL\n" if user.sudo else ""


def _differences(user: User, there: HostUser) -> list[str]:
    missing = sorted(set(user.groups) - there.groups)
    return [
        words
        for differs, words in (
            (there.shell != user.shell, f"shell {there.shell}"),
            (bool(missing), f"not in {', '.join(missing)}"),
            (there.keys != _digest(keys_text(user)), "keys"),
            (there.sudo != _digest(sudo_text(user)), "sudo"),
        )
        if differs
    ]


def _told(user: User) -> str:
    keys = f"{len(user.keys)} key{'' if len(user.keys) == 1 else 's'}"
    return f"{keys}, sudo" if user.sudo else keys


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""
