"""Plans: what a task is going to do, as a value that can be shown, compared and carried out.

A plan rests on facts, holds ordered steps and has a digest over its target, its steps and
its facts. What is shown is what is carried out; nothing in here reads or writes anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ops.errors import Refused

Effect = Literal["add", "change", "delete", "replace", "purchase", "switch"]
"""What a step does to the world; all but add and change ask before they are carried out."""

ASKS: frozenset[Effect] = frozenset({"delete", "replace", "purchase", "switch"})


@dataclass(frozen=True)
class Step:
    """One thing to do: `kind` selects its performer, `subject` is what it acts on.

    `kind` is `noun.verb` ("volume.attach"); exactly one performer exists for a kind.
    `words` is the line a person reads. `arguments` is JSON data: what the performer needs
    and no more, so that two plans with equal steps do the same. Secrets never stand in it.
    """

    kind: str
    subject: str
    words: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    effect: Effect = "add"

    def __str__(self) -> str:
        sign = {"add": "+", "change": "~", "delete": "-", "replace": "±"}.get(self.effect, "!")
        return f"{sign} {self.words}"

    def data(self) -> dict[str, object]:
        """Return the step as JSON data."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "words": self.words,
            "effect": self.effect,
            "arguments": dict(self.arguments),
        }


@dataclass(frozen=True)
class Plan:
    """Ordered steps for one target (a component, a zone), and the facts they rest on."""

    task: str
    target: str
    steps: tuple[Step, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """Lines for the reader that change nothing: a price, a thing left alone and why."""

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def digest(self) -> str:
        """Return 12 hex digits over task, target, steps and facts; notes do not count."""
        canonical = json.dumps(
            {
                "task": self.task,
                "target": self.target,
                "steps": [step.data() for step in self.steps],
                "facts": dict(self.facts),
            },
            sort_keys=True,
            separators=(",", ":"),
            default=_refuse,
        )
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def asks(self) -> tuple[Step, ...]:
        """Return the steps that need a person's yes."""
        return tuple(step for step in self.steps if step.effect in ASKS)

    def lines(self) -> list[str]:
        """Return the plan as lines of text, the digest last; an empty plan is one line."""
        if not self.steps:
            return [f"{self.target}: nothing to do", *(f"  {note}" for note in self.notes)]
        return [
            f"{self.target}:",
            *(f"  {step}" for step in self.steps),
            *(f"  {note}" for note in self.notes),
            f"  plan {self.digest}",
        ]

    def data(self) -> dict[str, object]:
        """Return the plan as JSON data, the digest included."""
        return {
            "task": self.task,
            "target": self.target,
            "steps": [step.data() for step in self.steps],
            "facts": dict(self.facts),
            "notes": list(self.notes),
            "digest": self.digest,
        }


def require(plan: Plan, expect: str) -> None:
    """Do nothing when `expect` is the plan's digest, or empty. Raise Refused when it is not."""
    if expect and expect != plan.digest:
        raise Refused(
            f"{plan.target}: the plan is now {plan.digest}, not {expect}",
            "Something changed since it was shown: look at it again with plan=true.",
        )


def limit(plan: Plan, effects: Iterable[Effect], allowed: int, argument: str) -> None:
    """Raise Refused when more than `allowed` steps have one of `effects`.

    `argument` is the counted command line argument that allows more ("allow-deletes").
    """
    wanted = set(effects)
    count = sum(step.effect in wanted for step in plan.steps)
    if count > allowed:
        raise Refused(
            f"{plan.target}: the plan has {count} such steps, the limit is {allowed}",
            f"Read it with plan=true; to carry it out say {argument}={count}.",
        )


def _refuse(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a plan holds JSON data only, not {type(value).__name__}")
