"""What AWS and the hosts say of themselves right now, beside what the records say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ops import run
from ops.cloud import instances, tags
from ops.fleet.status import Fact, Line
from ops.remote.command import command
from ops.remote.fanout import each

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.inventory.schema import InstanceState, State

PATIENCE = 15.0
"""Seconds a host has to log us in and answer."""


def look(repo: Repository, lines: Sequence[Line], states: Mapping[str, State]) -> list[Line]:
    """Return the lines with their instances as they are now.

    One call to AWS for the whole fleet, and one log-in a host, side by side. A host that
    does not answer is a bad fact, never an error. Raise CloudError when AWS does not answer.
    """
    wanted = [(name, slot) for name, state in states.items() for slot in state.instances]
    if not wanted:
        return list(lines)
    found = {one.id: one for one in instances.find(run.cloud(repo), {tags.COMPONENT: tags.ANY})}
    answers = each(wanted, lambda place: _answer(repo, *place), seconds=PATIENCE)
    silent = {outcome.item: str(outcome.error) for outcome in answers if outcome.error}
    return [_line(line, states[line.component].instances, found, silent) for line in lines]


def _answer(repo: Repository, component: str, slot: str) -> None:
    with run.host(repo, component, "cloud", slot) as host:
        host.run(command("true"), timeout=PATIENCE)


def _line(
    line: Line,
    recorded: Mapping[str, InstanceState],
    found: Mapping[str, instances.Instance],
    silent: Mapping[tuple[str, str], str],
) -> Line:
    if not recorded:
        return line
    facts = [
        _fact(made, found.get(made.id), silent.get((line.component, slot)))
        for slot, made in sorted(recorded.items())
    ]
    bad = any(fact.health == "bad" for fact in facts) or line.instance.health == "bad"
    words = ", ".join(fact.words for fact in facts)
    return replace(line, instance=Fact(words, "bad" if bad else "good"))


def _fact(recorded: InstanceState, found: instances.Instance | None, silent: str | None) -> Fact:
    if found is None:
        return Fact(f"{recorded.id} is unknown to AWS", "bad")
    if found.state != "running":
        return Fact(f"{recorded.id} {found.state}", "bad")
    if silent is not None:
        return Fact(f"{recorded.id} running, no answer: {silent.splitlines()[0]}", "bad")
    return Fact(f"{recorded.id} {found.public_address or found.private_address} answers", "good")
