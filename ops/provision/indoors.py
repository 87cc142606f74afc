"""Performs the steps inside a host. A step that was foreseen and is done already is passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ops.errors import OpsError
from ops.plan import Step
from ops.provision import actions, plan
from ops.provision.desired import Desired, File
from ops.provision.worksite import Course, Worksite
from ops.remote.command import Command
from ops.remote.errors import CommandFailed
from ops.remote.host import Host

Facts = Mapping[str, object]
Performer = Callable[[Step], Facts | None]

_UNITS = ("service.enable", "service.disable", "service.start", "service.stop", "service.restart")
_LONG = 3600.0
_SHORT = 900.0


class Indoors:
    """The performers of the steps inside hosts.

    `foreseen` are the slots whose plan was made without their host: before their first step
    the host is asked, and what it really needs decides.
    """

    def __init__(self, work: Worksite, run: Course) -> None:
        self._work = work
        self._run = run
        self.foreseen: set[str] = set()
        self._needed: dict[str, dict[tuple[str, str], Step]] = {}

    def by_kind(self) -> dict[str, Performer]:
        """Return the performer of each kind of step."""
        return {
            "filesystem.make": self._if_needed(self._filesystem),
            "mount.set": self._if_needed(self._mount),
            "packages.install": self._if_needed(self._packages),
            "zone.set": self._if_needed(self._zone),
            "user.set": self._if_needed(self._user),
            "file.write": self._if_needed(self._file),
            **{kind: self._if_needed(self._unit) for kind in _UNITS},
        }

    def _if_needed(self, performer: Performer) -> Performer:
        def perform(step: Step) -> Facts | None:
            slot = str(step.arguments["slot"])
            if slot not in self.foreseen:
                return performer(step)
            needed = self._ask(slot).get((step.kind, step.subject))
            return performer(needed) if needed else {"already": True}

        return perform

    def _ask(self, slot: str) -> dict[tuple[str, str], Step]:
        if slot not in self._needed:
            (seen,) = self._work.look(self._run.state, [slot])
            seen = self._work.ask(seen, wait=True)
            steps = plan.within(seen, seen.machine())
            self._needed[slot] = {(step.kind, step.subject): step for step in steps}
        return self._needed[slot]

    def _filesystem(self, step: Step) -> None:
        told = step.arguments
        self._do(step, actions.make_filesystem(str(told["id"]), str(told["type"])), _SHORT)

    def _mount(self, step: Step) -> None:
        desired = self._desired(step)
        declared = desired.volumes[str(step.arguments["volume"])]
        self._do(step, actions.mount(str(step.arguments["id"]), declared), _SHORT)

    def _packages(self, step: Step) -> None:
        told = step.arguments["packages"]
        packages = [str(one) for one in told] if isinstance(told, list) else []
        self._do(step, actions.install(packages), _LONG)

    def _zone(self, step: Step) -> None:
        self._do(step, actions.time_zone(str(step.arguments["zone"])), _SHORT)

    def _user(self, step: Step) -> None:
        desired, name = self._desired(step), step.arguments["name"]
        declared = next(one for one in desired.users if one.name == name)
        self._do(step, actions.user(declared), _SHORT)

    def _file(self, step: Step) -> None:
        desired = self._desired(step)
        file = _file(desired, str(step.arguments["path"]))
        if file.sha256 != step.arguments["sha256"]:
            raise OpsError(f"{file.path}: its template changed meanwhile", "Run the task again.")
        self._do(step, actions.write(file), _SHORT)

    def _unit(self, step: Step) -> None:
        self._do(step, actions.unit(step), _SHORT)

    def _do(self, step: Step, command: Command, seconds: float) -> None:
        host = self._host(str(step.arguments["slot"]))
        try:
            host.run(command, timeout=seconds)
        except CommandFailed as error:
            said = error.result.err.decode("utf-8", "replace").strip()[-800:]
            busy = error.result.code == actions.BUSY
            hint = "An earlier step still runs there: " if busy else "When that is mended, "
            raise OpsError(
                f"{host.name}: could not {step.words}: {said or error.message}",
                f"{hint}run the task again; it goes on from here.",
            ) from None

    def _desired(self, step: Step) -> Desired:
        return self._work.desired(str(step.arguments["slot"]))

    def _host(self, slot: str) -> Host:
        return self._work.hosts[slot]


def _file(desired: Desired, path: str) -> File:
    apt_list = desired.apt_list()
    if apt_list and apt_list.path == path:
        return apt_list
    return {file.path: file for file in desired.files}[path]
