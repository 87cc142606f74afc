"""Performs the first contact with a new host: it proves itself, then makes a key of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ops.cloud import instances
from ops.cloud.calls import Wait
from ops.cloud.errors import CloudError
from ops.cloud.instances import Instance
from ops.errors import Incomplete, OpsError
from ops.known_hosts import fingerprint
from ops.plan import Step
from ops.provision import identity
from ops.provision.arrival import Late, await_host, await_ssh
from ops.provision.desired import Desired
from ops.provision.identity import Throwaway
from ops.provision.worksite import Course, Worksite
from ops.remote.errors import CommandFailed, HostKeyRefused

Facts = Mapping[str, object]
Performer = Callable[[Step], Facts | None]

BOOT = Wait(delay=1, attempts=300)
"""How long EC2 may take to bring an instance into a state."""


class Welcome:
    """The performers of the first contact."""

    def __init__(self, work: Worksite, run: Course) -> None:
        self._work = work
        self._run = run

    def by_kind(self) -> dict[str, Performer]:
        """Return the performer of each kind of step."""
        return {"host.await": self._host_await, "key.renew": self._key_renew}

    def _host_await(self, step: Step) -> Facts:
        """Connect with the throw-away key, and wait until the first boot is done.

        Of an instance that fails here the console's output stays: nothing else tells why.
        """
        work, desired = self._work, self._work.desired(str(step.arguments["slot"]))
        instance = self.running(desired.slot)
        generation, kept = self._kept(desired)
        known_hosts = work.tokens(desired.slot).known_hosts(generation, desired.host, kept.keys)
        endpoint = replace(work.endpoint(desired, instance), known_hosts=known_hosts)
        work.close(desired.slot)
        try:
            work.hosts[desired.slot] = await_host(endpoint, work.patience, work.tell)
        except Late as error:
            raise Incomplete(error.message, self._keep_console(instance)) from None
        except OpsError as error:
            error.hint = f"{error.hint} {self._keep_console(instance)}".strip()
            raise
        return {**seen(instance), "console": self._witnessed(desired, instance, kept)}

    def _witnessed(self, desired: Desired, instance: Instance, kept: Throwaway) -> str:
        """Return what the console says of the host's key. Raise HostKeyRefused for another.

        EC2 shows it minutes late, so that nothing yet is no fault: the throw-away key stands.
        """
        try:
            text = instances.console(self._work.cloud, instance.id)
        except CloudError as error:
            return f"can't be had: {error.said}"
        agrees = identity.witness(text, kept.keys)
        if agrees is False:
            raise HostKeyRefused(
                f"{desired.host}: the console of {instance.id} shows another host key than the "
                "one that it was given",
                self._keep_console(instance),
            )
        return "shows the same host key" if agrees else "shows no host key yet"

    def _key_renew(self, step: Step) -> Facts:
        """Let the host make a key of its own, prove it by a new connection, and pin it."""
        work, desired = self._work, self._work.desired(str(step.arguments["slot"]))
        generation, kept = self._kept(desired)
        public = self._renewed(desired, generation, kept)
        if not public:
            work.tell(f"{desired.host}: its throw-away host key stays, its own can't be set there")
            public = kept.public_key
        work.repo.pin(desired.host, public)
        work.tokens(desired.slot).forget(generation)
        return {"host_key": fingerprint(public)}

    def _renewed(self, desired: Desired, generation: int, kept: Throwaway) -> str:
        """Return the key that the host now has; "" when it can't be given one from here."""
        work, host = self._work, self._work.hosts[desired.slot]
        if not work.able:
            return ""
        made = host.run(identity.new_key(desired, kept), timeout=60, check=False)
        if made.code == identity.ANOTHER:
            return ""
        if made.code:
            raise CommandFailed(host.name, made)
        public = identity.parse_key(made.out)
        work.tokens(desired.slot).keep(generation, replace(kept, successor=public))
        host.run(identity.switch_key(), timeout=60)
        self._prove(desired, generation, public)
        return public

    def _prove(self, desired: Desired, generation: int, public: str) -> None:
        work = self._work
        path = work.tokens(desired.slot).known_hosts(generation, desired.host, [public])
        work.close(desired.slot)
        endpoint = work.endpoint(desired, self.running(desired.slot))
        patience = replace(work.patience, limit=120, strange=60, pause=0.5)
        proof = replace(endpoint, known_hosts=path)
        work.hosts[desired.slot] = await_ssh(proof, patience, work.tell)

    def running(self, slot: str) -> Instance:
        """Return the slot's instance, running; wait until it is."""
        return instances.wait(self._work.cloud, self._run.state.instances[slot].id, "running", BOOT)

    def _keep_console(self, instance: Instance) -> str:
        """Keep the console output as a file of the run; return what to say of it."""
        where = f"{instance.id} is kept for you to look at"
        try:
            text = instances.console(self._work.cloud, instance.id)
        except CloudError as error:
            return f"{where}; its console output can't be had: {error.said}."
        path = self._run.directory / f"console-{instance.id}.txt"
        path.write_text(text or "EC2 has no console output of it yet.\n")
        self._run.attach(path)
        return f"{where}; its console output is in {path}. Then run the task again."

    def _kept(self, desired: Desired) -> tuple[int, Throwaway]:
        """Return the slot's generation and what it was started with. Raise OpsError."""
        generation = self._run.state.instances[desired.slot].generation
        kept = self._work.tokens(desired.slot).read(generation)
        if kept is None:
            raise OpsError(
                f"{desired.host}: the key of its first connection is not kept here",
                "Run the task again; if that does not help, take our tags from the instance.",
            )
        return generation, kept


def seen(instance: Instance) -> dict[str, object]:
    """Return what the state keeps of an instance, as facts of a step."""
    return {
        "id": instance.id,
        "type": instance.type,
        "zone": instance.zone,
        "image": instance.image,
        "private_address": instance.private_address,
        "public_address": instance.public_address or None,
        "public_name": instance.public_name or None,
    }
