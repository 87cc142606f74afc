"""The wait for a new host: until it answers, proves itself, and has done its first boot."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from ops.errors import OpsError, UsageError
from ops.remote.command import Command, script
from ops.remote.endpoint import Endpoint
from ops.remote.errors import HostKeyRefused, TimedOut, Unreachable
from ops.remote.host import Host

Tell = Callable[[str], None]

_FIRST_BOOT = r"""
command -v cloud-init >/dev/null || exit 0
tries=0
while :; do
  cloud-init status --wait --long | tail -n 20
  status=$(cloud-init status | sed -n 's/^status: //p')
  case $status in
    done | degraded* | disabled) exit 0 ;;
    error*) exit 1 ;;
  esac
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || { echo "cloud-init tells no status: ${status:-nothing}"; exit 1; }
  sleep 1
done
"""
"""Nothing but these words is an answer: early in a boot it may say nothing, or crash."""


@dataclass(frozen=True)
class Patience:
    """How long a host may take. All in seconds.

    `attempt` is for one connection: a host that boots may swallow its first packets.
    `strange` is how long a wrong host key is put up with: some images start sshd with another
    key before cloud-init has put in ours. Nothing is sent to such a host.
    """

    limit: float = 600
    attempt: float = 5
    pause: float = 1
    strange: float = 20
    told_every: float = 5


def seconds(wait: str) -> float:
    """Return the seconds of a duration such as 90s or 10m. Raise UsageError for anything else."""
    from ops.inventory.schema import words

    try:
        return words.seconds(wait)
    except ValueError as error:
        raise UsageError(f"wait={wait}: {error}") from None


class Late(OpsError):
    """The host was not there within its time."""


def await_ssh(endpoint: Endpoint, patience: Patience, tell: Tell) -> Host:
    """Return a connection to the host, as soon as there is one.

    Raise HostKeyRefused when it keeps showing another key, Late when the time is over.
    """
    from ops.remote.connection import connect

    impatient = replace(endpoint, connect_timeout=min(endpoint.connect_timeout, patience.attempt))
    began = told = time.monotonic()
    strange: float | None = None
    while True:
        try:
            return connect(impatient)
        except HostKeyRefused:
            strange = strange or time.monotonic()
            if time.monotonic() - strange >= min(patience.strange, patience.limit):
                raise
        except Unreachable as error:
            if time.monotonic() - began >= patience.limit:
                said = f"{endpoint.where}: no ssh after {patience.limit:g} s: {error.message}"
                raise Late(said) from error
        if time.monotonic() - told >= patience.told_every:
            told = time.monotonic()
            tell(
                f"waiting for ssh on {endpoint.key_name} ({endpoint.address}), {told - began:.0f} s"
            )
        time.sleep(patience.pause)


def await_host(endpoint: Endpoint, patience: Patience, tell: Tell) -> Host:
    """Return a connection to a new host, as soon as its first boot is done.

    A host that restarts before cloud-init says that it is done, as images that renew their
    kernel do, is waited for again. Raise HostKeyRefused, Late, or OpsError when the first boot
    failed.
    """
    until, left = time.monotonic() + patience.limit, patience
    while True:
        host = await_ssh(endpoint, left, tell)
        try:
            await_first_boot(host, left)
        except Unreachable as lost:
            host.close()
            if time.monotonic() + patience.pause >= until:
                said = f"{endpoint.where}: no first boot was done after {patience.limit:g} s"
                raise Late(f"{said}: {lost.message}") from lost
            tell(f"{lost.message}: connecting again")
        except BaseException:
            host.close()
            raise
        else:
            return host
        time.sleep(patience.pause)
        left = replace(patience, limit=max(0.1, round(until - time.monotonic(), 1)))


def await_first_boot(host: Host, patience: Patience) -> None:
    """Wait until cloud-init is done; a host without it is done.

    Raise Late when the time is over, OpsError when it failed.
    """
    try:
        done = host.run(first_boot(), check=False, timeout=patience.limit)
    except TimedOut:
        raise Late(f"{host.name}: cloud-init is not done after {patience.limit:g} s") from None
    if done.code != 0:
        said = (done.out + done.err).decode("utf-8", "replace").strip()
        raise OpsError(
            f"{host.name}: cloud-init failed at the first boot: {said[-600:]}",
            f"See /var/log/cloud-init-output.log on {host.name}.",
        )


def first_boot() -> Command:
    """Return the command that waits for cloud-init and fails when it did."""
    return script(_FIRST_BOOT)
