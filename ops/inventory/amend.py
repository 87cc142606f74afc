"""One value of a component changed and committed, everything else left as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.errors import OpsError, UsageError
from ops.inventory import changes, document, edit, machine
from ops.inventory.problems import Broken
from ops.inventory.repository import Repository
from ops.plan import Plan, Step


@dataclass(frozen=True)
class Amendment:
    """A new text for a component's file, and the words for it."""

    file: str
    old: str
    new: str
    plan: Plan


def decide(repo: Repository, name: str, key: str, text: str) -> Amendment:
    """Return what `key=TEXT` makes of a component; its plan is empty when that is so already.

    The text is read as YAML, or as it is where only that fits. Raise Broken when the component
    would not be valid, UsageError when there is no such key.
    """
    repo.component(name)
    file = f"components/{name}.yaml"
    old = repo.source(name)
    new, value = _fitting(repo, file, old, key, text)
    before = _at(document.read(old.encode(), file).data, edit.path_of(key))
    words = f"{name}: {key} {edit.written(before)} -> {edit.written(value)}"
    arguments = {"key": key, "value": value, "before": changes.digest(old.encode())}
    step = Step("inventory.set", name, words, arguments, "change")
    return Amendment(file, old, new, Plan("inventory.set", name, (step,) if new != old else ()))


def carry_out(repo: Repository, amendment: Amendment) -> None:
    """Write and commit the amendment. Raise Refused or OpsError when that must not be."""
    repo.writable()
    with repo.locked() as git:
        changes.finish(git)
        repo.clean(amendment.plan.target)
        if repo.source(amendment.plan.target) != amendment.old:
            raise OpsError(f"{amendment.file} was changed meanwhile", "Do it again.")
        words = amendment.plan.steps[0].words
        change = changes.Change(
            name=f"set-{changes.digest(amendment.new.encode())[:12]}",
            message=f"{words[:70]}\n",
            author=machine.person(),
            contents={amendment.file: amendment.new},
            before={amendment.file: changes.digest(amendment.old.encode())},
        )
        changes.carry_out(git, change)


def _fitting(repo: Repository, file: str, old: str, key: str, text: str) -> tuple[str, edit.Value]:
    """Return the first new file that is valid, and the value in it."""
    path = edit.path_of(key)
    readings: list[edit.Value] = [edit.value_of(text)]
    if readings[0] != text:
        readings.append(text)
    faults = []
    for value in readings:
        try:
            new = edit.with_value(old, path, value)
            repo.check(document.read(new.encode(), file))
        except Broken as error:
            faults.append(error)
        else:
            return new, value
    raise UsageError(f"{key}={text} is not possible: {faults[0].message}")


def _at(data: Any, path: document.Path) -> Any:
    for step in path:
        if isinstance(data, Mapping):
            data = data.get(str(step))
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data
