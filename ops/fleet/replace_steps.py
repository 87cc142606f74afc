"""Performs the steps of a replacement that are not those of a provisioning."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from ops import run
from ops.cloud import instances, volumes
from ops.errors import OpsError, Refused
from ops.fleet import halt, replace_state
from ops.fleet.replace_site import Succession
from ops.known_hosts import fingerprint
from ops.plan import Step
from ops.provision import plan as provision_plan
from ops.provision.arrival import await_ssh
from ops.provision.welcome import BOOT, seen
from ops.run import Run

Facts = Mapping[str, object]
Performer = Callable[[Step], Facts | None]

LATER = ("names.switch", "monitoring.switch", "schedules.switch")
"""Steps that a package of their own performs, where there is one."""

SETTLING = 2.0
"""Seconds after which services are looked at a second time: some end soon after their start."""


class Transition:
    """The performers from the old instance to its successor, and of the way back."""

    def __init__(
        self, work: Succession, under_way: Run, within: Callable[[Step], Facts | None]
    ) -> None:
        self._work = work
        self._run = under_way
        self._within = within
        self._began = time.monotonic()

    def by_kind(self, later: Mapping[str, Performer]) -> dict[str, Performer]:
        """Return the performer of each kind of step; `later` are those of other packages."""
        return {
            "replacement.open": self._open,
            "instance.stop": self._stop,
            "volume.detach": self._detach,
            "key.return": self._know,
            "volume.return": self._return,
            "old.start": self._start,
            "services.check": self._check,
            "successor.switch": self._switch,
            "replacement.undo": self._undo,
            "replacement.close": self._close,
            **{kind: later.get(kind, self._by_hand) for kind in LATER},
        }

    def _open(self, _: Step) -> Facts:
        """Forget what a successor that was given up was known by."""
        self._work.repo.unpin(self._work.wanted[0].host)
        return self._now()

    def _stop(self, step: Step) -> Facts:
        """Stop an instance and wait until it is seen stopped; return when it was told to."""
        instance_id = str(step.arguments["id"])
        told = {**self._now(), "id": instance_id}
        if self._work.found and instance_id != self._work.found.old.id:
            self._work.close()
        halt.stop(self._work.cloud, instance_id)
        return told

    def _detach(self, step: Step) -> None:
        """Detach a volume, never by force, from an instance that is seen stopped."""
        cloud, told = self._work.cloud, step.arguments
        volume, instance_id = str(told["id"]), str(told["instance"])
        found = instances.get(cloud, instance_id)
        if found is not None and found.alive and found.state != "stopped":
            raise Refused(
                f"{instance_id} is {found.state}: {volume} is not torn from it",
                "Stop it, and run the task again.",
            )
        volumes.detach(cloud, volume, instance_id)
        volumes.wait_available(cloud, volume, BOOT)

    def _know(self, step: Step) -> None:
        """Pin the old instance's key again, if the switch was begun."""
        self._work.repo.pin(step.subject, str(step.arguments["key"]))

    def _return(self, step: Step) -> None:
        cloud, told = self._work.cloud, step.arguments
        volume = str(told["id"])
        volumes.wait_available(cloud, volume, BOOT)
        volumes.attach(cloud, volume, str(told["instance"]), str(told["device"]))
        volumes.wait_attached(cloud, volume, BOOT)

    def _start(self, step: Step) -> Facts:
        """Start the old instance again; whether it answers is told, not awaited for ever."""
        work, instance_id = self._work, str(step.arguments["id"])
        instance = halt.start(work.cloud, instance_id)
        desired = replace(work.wanted[0], next=False)
        patience = replace(work.patience, limit=min(work.patience.limit, 120))
        try:
            await_ssh(work.endpoint(desired, instance), patience, work.tell).close()
        except OpsError as error:
            work.tell(f"{instance_id} runs, and can't be reached: {error.message}")
            return {**seen(instance), "answers": False}
        return {**seen(instance), "answers": True}

    def _check(self, _: Step) -> Facts:
        """Do what a bare host did not show to be needed; then nothing may be left, twice."""
        for step in self._left():
            self._work.tell(str(step))
            self._run.perform(step, self._within, fold=replace_state.fold)
        for pause in (0.0, SETTLING):
            time.sleep(pause)
            left = self._left()
            if left:
                raise OpsError(
                    f"{self._work.wanted[0].host} is not as declared: {left[0].words}",
                    "Look at it; the instance is kept.",
                )
        return {"services": [one.name for one in self._work.wanted[0].services]}

    def _left(self) -> tuple[Step, ...]:
        slot = self._work.slot
        (seen,) = self._work.look(replace_state.view(self._run.state, slot), [slot])
        return provision_plan.within(seen, seen.machine())

    def _switch(self, _: Step) -> Facts:
        """Pin the successor's key under the slot's name: from here on it is the slot's host."""
        host = self._work.wanted[0].host
        name = host.removesuffix(".next")
        key = self._work.repo.pinned(host) or self._work.repo.pinned(name)
        if key is None:
            raise OpsError(f"{host}: no host key of it is pinned", "Run the task again.")
        self._work.repo.pin(name, key)
        self._measured(name)
        return {**self._now(), "host_key": fingerprint(key)}

    def _measured(self, name: str) -> None:
        """Put into the record, and tell, how long this took until the switch."""
        silent = self._run.state.replacements[self._work.slot].silent
        ready = time.monotonic() - self._began
        gone = (run.now() - silent).total_seconds() if silent else 0.0
        self._run.figure("seconds_to_ready", round(ready, 1))
        self._run.figure("seconds_without_service", round(gone, 1))
        self._work.tell(f"{name}: ready after {ready:.0f} s, without service for {gone:.0f} s")

    def _undo(self, _: Step) -> Facts:
        """Return when: the successor's key is forgotten when this is recorded, not before."""
        return self._now()

    def _close(self, _: Step) -> None:
        self._work.repo.unpin(self._work.wanted[0].host)

    def _by_hand(self, step: Step) -> Facts:
        self._work.tell(f"by hand, as nothing here does it yet: {step.words}")
        return {"by_hand": True}

    def _now(self) -> dict[str, object]:
        return {"at": run.now().isoformat(), "run": self._run.id}
