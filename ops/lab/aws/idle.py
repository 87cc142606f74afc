"""Machines that boot nothing: they remember what they were told, for tests of the API's users."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.errors import OpsError
from ops.lab.machines import Addresses


@dataclass(frozen=True)
class Told:
    """One call: what was to be done, to what, and with what."""

    what: str
    subject: str
    rest: tuple[object, ...] = ()


class Idle:
    """Answers every call of `Machines` by remembering it; `failing` names calls that fail."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.failing: set[str] = set()
        self.user_data: dict[str, bytes] = {}
        self.public_keys: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(4)
        self._addresses: dict[str, Addresses] = {}

    def about(self, subject: str) -> list[str]:
        """Return what was done to a subject, in order."""
        with self._lock:
            return [one.what for one in self.told if one.subject == subject]

    def addresses(self, instance_id: str) -> Addresses:
        """Return addresses of the benchmark range (RFC 2544), each instance its own."""
        with self._lock:
            if instance_id not in self._addresses:
                number = next(self._numbers)
                high, low = number // 250, number % 250 + 1
                private, public = f"198.18.{high}.{low}", f"198.19.{high}.{low}"
                self._addresses[instance_id] = Addresses(
                    private, public, f"ip-198-18-{high}-{low}.lab.example", f"{low}.lab.example"
                )
            return self._addresses[instance_id]

    def start(
        self,
        instance_id: str,
        *,
        user_data: bytes,
        public_keys: Sequence[str],
        hostname: str,
        volumes: Mapping[str, str],
    ) -> None:
        """Remember a start with all it was given."""
        self._remember("start", instance_id, hostname, dict(volumes))
        self.user_data[instance_id] = user_data
        self.public_keys[instance_id] = tuple(public_keys)

    def stop(self, instance_id: str) -> None:
        """Remember a stop."""
        self._remember("stop", instance_id)

    def reboot(self, instance_id: str) -> None:
        """Remember a reboot."""
        self._remember("reboot", instance_id)

    def lose_power(self, instance_id: str) -> None:
        """Remember a loss of power."""
        self._remember("lose_power", instance_id)

    def terminate(self, instance_id: str) -> None:
        """Remember an end."""
        self._remember("terminate", instance_id)

    def create_volume(self, volume_id: str, size_gib: int, snapshot_id: str | None) -> None:
        """Remember a new volume."""
        self._remember("create_volume", volume_id, size_gib, snapshot_id)

    def attach(self, volume_id: str, instance_id: str, device: str) -> None:
        """Remember an attachment."""
        self._remember("attach", volume_id, instance_id, device)

    def detach(self, volume_id: str) -> None:
        """Remember a detachment."""
        self._remember("detach", volume_id)

    def delete_volume(self, volume_id: str) -> None:
        """Remember a volume's end."""
        self._remember("delete_volume", volume_id)

    def snapshot(self, snapshot_id: str, volume_id: str) -> None:
        """Remember a snapshot."""
        self._remember("snapshot", snapshot_id, volume_id)

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Remember a snapshot's end."""
        self._remember("delete_snapshot", snapshot_id)

    def console(self, instance_id: str) -> str:
        """Return one line."""
        return f"{instance_id} login:\n"

    def _remember(self, what: str, subject: str, *rest: object) -> None:
        if what in self.failing:
            raise OpsError(f"{what} {subject}: told to fail")
        with self._lock:
            self.told.append(Told(what, subject, rest))
