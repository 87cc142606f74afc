"""Takes one instance's set: at the declared level, else at the one that the policy falls back to.

Nothing is waited for while file systems are frozen: one call is made, and what it comes to is
settled after the thaw. The moment of the manifest is taken at each freeze, so a set that is found
later, when its reply was lost or a hook failed afterwards, is compared as of its own moment.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from ops import run
from ops.backup.freeze import Doubtful, FreezeFailed, frozen, sync
from ops.backup.hooks import HookFailed, hooked
from ops.backup.witness import Witness
from ops.cloud import sets, snapshots, tags, volumes
from ops.cloud.errors import THROTTLED, CloudError
from ops.errors import OpsError
from ops.remote.errors import Unreachable

if TYPE_CHECKING:
    from ops.cloud.session import Cloud

Set = tuple[snapshots.Snapshot, ...]

PAUSES = (2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0, 15.0, 15.0, 15.0)
"""Seconds between a call that AWS did not take, and the next freeze: about two minutes."""


class Taking:
    """One instance's set in the making. `arguments` are those of the plan's step.

    Use it as a context manager: `take`, then `listed`, while the host is connected.
    """

    def __init__(self, course: run.Run, component: str, cloud: Cloud, arguments: Any) -> None:
        self.course, self.component, self.cloud = course, component, cloud
        self.arguments = arguments
        self.seconds_frozen = 0.0
        self.because = ""
        """Why the level is below the declared one."""
        self.unlisted = ""
        """Why there is no manifest."""
        self.witness: Witness | None = None
        self._refusal: OpsError | None = None
        self._set: Set = ()
        self._sent = False
        """Whether AWS was asked for the set, and has not refused."""
        self._certain = False
        """Whether the set was taken while all was frozen, as the thaw has shown."""
        self._ending = ExitStack()

    def __enter__(self) -> Self:
        slot, instance_id = self.arguments["slot"], self.arguments["instance"]
        if self.arguments["stopped"]:
            self.unlisted = f"{instance_id} was stopped: nobody could list its files"
            return self
        try:
            host = run.host(self.course.repo, self.component, "cloud", slot)
        except OpsError as error:
            self._refusal, self.unlisted = error, error.message
        else:
            self._ending.enter_context(host)
            instance = self.course.state.instances[slot]
            self.witness = Witness(self.course, host, slot, instance, self.arguments["places"])
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def take(self) -> tuple[str, Set]:
        """Return the level that was reached, and the set; its tag says the same."""
        level, lower = self.arguments["level"], self.arguments["fall_back_to"]
        try:
            return level, self._at_level(level)
        except Doubtful as error:
            # the set is there, and says of itself what it is
            if lower != "crash":
                raise
            self.because = error.message
        except (FreezeFailed, HookFailed, Unreachable) as error:
            if lower is None or lower == level:
                raise
            self.because = error.message
        self.course.remember(fell_back_to=lower, because=self.because)
        return lower, self._at_level(lower)

    def listed(self) -> Witness | None:
        """Write the manifest of what was taken; return who saw it, None where nobody could."""
        if self.witness:
            self.witness.after()
            self.unlisted = self.witness.unseen
        return self.witness

    def request(self, level: str) -> sets.Request:
        """Return what AWS is asked for, claiming this level; not what a drill has left there."""
        instance = self.arguments["instance"]
        own = {tags.COMPONENT: self.component, tags.RUN: self.course.id, tags.LEVEL: level}
        own[tags.SET_SLOTS] = str(self.arguments["slots"])
        return sets.Request(instance, self.course.id, own, self.component, self._restored)

    @cached_property
    def _restored(self) -> tuple[str, ...]:
        there = volumes.attached_to(self.cloud, self.arguments["instance"])
        return tuple(one.id for one in there if tags.DRILL in one.tags)

    def _at_level(self, level: str) -> Set:
        """Return the set. Its tag claims the level only once that is certain.

        Who is killed or cut off before leaves a set that says "crash". A set that is there
        already is labelled, and nothing is frozen for it again.
        """
        if not self._set:
            prepared = sets.prepare(self.cloud, self.request("crash"))
            if self._sent:
                self._set = prepared.found or sets.lost(self.cloud, prepared)
            if not self._set and level == "crash":
                self._as_it_is(prepared)
            elif not self._set:
                self._consistent(level, prepared)
        if level != "crash" and not self._certain:
            raise Doubtful(
                f"{self.component}: the set was taken, but maybe not while all was frozen",
                "It counts as crash consistent. Run the task again.",
            )
        return sets.label(self.cloud, self.request(level), self._set)

    def _as_it_is(self, prepared: sets.Prepared) -> None:
        """Take the set whether the host answers or not."""
        if self.witness:
            self.witness.before()
            self.witness.sync()
        self._set = sets.take(self.cloud, prepared)

    def _consistent(self, level: str, prepared: sets.Prepared) -> None:
        """Take the set while all is frozen, anew for each call that AWS did not take.

        Hooks end with each freeze, so that no application waits for AWS.
        """
        if self._refusal:
            raise self._refusal
        with sets.briskly(self.cloud) as brisk:
            for pause in (*PAUSES, 0.0):
                try:
                    return self._attempt(level, brisk, prepared)
                except CloudError as error:
                    if error.uncertain:
                        self._set = sets.lost(self.cloud, prepared)
                    if self._set:
                        return None
                    self._sent = False
                    if not pause or (error.code not in THROTTLED and not error.uncertain):
                        raise
                time.sleep(pause * random.uniform(0.75, 1.25))  # noqa: S311 - spreads callers
        return None

    def _attempt(self, level: str, brisk: Cloud, prepared: sets.Prepared) -> None:
        """Freeze once, and make one call while all is frozen."""
        assert self.witness is not None  # noqa: S101 - there is a host, so there is a witness
        host, mounts = self.witness.host, self.arguments["mounts"]
        with_hooks = level == self.arguments["level"]
        before, after = (self.arguments[name] if with_hooks else () for name in ("before", "after"))
        self.witness.before()
        with hooked(host, before, after, self.course.repo.template):
            sync(host, mounts)
            sets.warm(brisk, prepared.request)
            with self._clocked(), frozen(host, self.course.id, mounts):
                self.witness.mark()
                self._sent = True
                self._set = sets.attempt(brisk, prepared)
            self._certain = True

    @contextmanager
    def _clocked(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds_frozen += time.monotonic() - started
