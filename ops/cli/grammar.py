"""How the words of a command line become calls of tasks.

    fab provision app=wiki        fab provision wiki
    fab provision --app wiki      fab provision --app=wiki

say the same, in any order, several tasks on one line. Pure: words and signatures in, calls out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ops.cli.rules import App
from ops.cli.wording import nearest, no_argument, no_task
from ops.errors import UsageError

Value = str | int | float | bool
Kind = Literal["text", "integer", "number", "switch"]

TRUE = frozenset({"true", "yes", "on", "1"})
FALSE = frozenset({"false", "no", "off", "0"})

_ASSIGNMENT = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLAG = re.compile(r"--?[A-Za-z].*", re.DOTALL)
_HELP = frozenset({"-h", "--help"})
_DRY = frozenset({"-R", "--dry"})


@dataclass(frozen=True)
class Argument:
    """One argument of a task, under the name that people type (`allow-deletes`)."""

    name: str
    kind: Kind = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    default: Value | None = None
    help: str = ""


@dataclass(frozen=True)
class Signature:
    """What a task may be given. `bare` names the arguments that plain words fill, in order."""

    task: str
    arguments: tuple[Argument, ...] = ()
    bare: tuple[str, ...] = ()
    app: App = "none"

    def argument(self, typed: str) -> Argument:
        """Return the argument called `typed`. Raise UsageError with the nearest when unknown."""
        name = typed.replace("_", "-")
        for argument in self.arguments:
            if argument.name == name:
                return argument
        raise no_argument(self.task, typed, [argument.name for argument in self.arguments])


@dataclass
class Call:
    """A task to run and the values it was given; with `help` it only explains itself."""

    signature: Signature
    values: dict[str, Value] = field(default_factory=dict)
    help: bool = False

    @property
    def task(self) -> str:
        """Return the name of the task."""
        return self.signature.task


def read(words: Sequence[str], tasks: Mapping[str, Signature]) -> list[Call]:
    """Return the calls that `words` ask for, in their order; no words, no calls.

    A plain word goes to the first argument in `bare` that has none yet. When that argument is
    optional and the word is the name of a task, it is the task. Raise UsageError for an unknown
    task or argument, a wrong value, an argument given twice, and one that is missing.
    """
    calls: list[Call] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word.startswith("-") and word != "-":
            _flag(word, left, _current(calls, word))
        elif calls and (found := _ASSIGNMENT.fullmatch(word)):
            _give(calls[-1], calls[-1].signature.argument(found[1]), found[2])
        elif calls and (slot := _slot(calls[-1], word, tasks)):
            _give(calls[-1], slot, word)
        elif word in tasks:
            calls.append(Call(tasks[word]))
        else:
            raise _stray(word, calls, tasks)
    for call in calls:
        _complete(call)
    return calls


def value(argument: Argument, text: str, task: str) -> Value:
    """Return `text` as the argument's kind. Raise UsageError when it is none of that kind."""
    if argument.kind == "switch":
        return _switch(argument, text, task)
    if argument.kind == "integer":
        if not _INTEGER.fullmatch(text):
            raise UsageError(f"{task}: {argument.name}={text} is no whole number")
        return int(text)
    if argument.kind == "number":
        try:
            return float(text)
        except ValueError:
            raise UsageError(f"{task}: {argument.name}={text} is no number") from None
    if argument.choices and text not in argument.choices:
        raise UsageError(
            f"{task}: {argument.name}={text} is none of {', '.join(argument.choices)}",
            nearest(text, argument.choices, f"{argument.name}={{}}"),
        )
    if argument.name == "app" and not text:
        raise UsageError(f"{task}: app= is empty", "Name a component: app=NAME.")
    return text


def _switch(argument: Argument, text: str, task: str) -> bool:
    folded = text.lower()
    if folded in TRUE | FALSE:
        return folded in TRUE
    raise UsageError(f"{task}: {argument.name}={text} is neither true nor false")


def _current(calls: list[Call], word: str) -> Call:
    if word in _DRY:
        raise dry_refused()
    if not calls:
        raise UsageError(f"fab has no flag {word}", "`fab --help` lists its flags.")
    return calls[-1]


def dry_refused() -> UsageError:
    """Return the error for Invoke's -R/--dry, which would blank what is read from hosts."""
    return UsageError(
        "-R/--dry is refused: it would blank what is read from hosts",
        "Use plan=true: it shows what a task would do and changes nothing.",
    )


def _flag(word: str, left: list[str], call: Call) -> None:
    name, equals, text = word.removeprefix("--").partition("=")
    if word in _HELP:
        call.help = True
        return
    if not word.startswith("--") or not name:
        raise UsageError(
            f"{call.task} has no flag {word}", "Flags of fab itself go before the task's name."
        )
    argument = call.signature.argument(_positive(name, call.signature))
    if equals:
        _give(call, argument, text)
    elif argument.kind == "switch":
        _give(call, argument, "false" if _is_negated(name, call.signature) else "true")
    elif not left or _FLAG.fullmatch(left[0]):
        raise UsageError(f"{call.task}: --{name} needs a value", f"Say {argument.name}=VALUE.")
    else:
        _give(call, argument, left.pop(0))


def _is_negated(name: str, signature: Signature) -> bool:
    switches = {argument.name for argument in signature.arguments if argument.kind == "switch"}
    plain = name.replace("_", "-")
    return plain not in switches and plain.removeprefix("no-") in switches


def _positive(name: str, signature: Signature) -> str:
    return name[len("no-") :] if _is_negated(name, signature) else name


def _give(call: Call, argument: Argument, text: str) -> None:
    if argument.name in call.values:
        raise UsageError(f"{call.task}: {argument.name} is given twice")
    call.values[argument.name] = value(argument, text, call.task)


def _slot(call: Call, word: str, tasks: Mapping[str, Signature]) -> Argument | None:
    for name in call.signature.bare:
        if name not in call.values:
            argument = call.signature.argument(name)
            return argument if argument.required or word not in tasks else None
    return None


def _stray(word: str, calls: list[Call], tasks: Mapping[str, Signature]) -> UsageError:
    if not calls:
        if "=" in word:
            return UsageError(f"no task stands before {word}", "Say `fab TASK name=value`.")
        return no_task(word, list(tasks))
    call = calls[-1]
    names = [argument.name for argument in call.signature.arguments]
    if word.replace("_", "-") in names:
        return UsageError(f"{call.task}: {word} needs a value", f"Say {word}=VALUE.")
    return no_task(word, list(tasks), after=call.task)


def _complete(call: Call) -> None:
    missing = [
        argument.name
        for argument in call.signature.arguments
        if argument.required and argument.name not in call.values
    ]
    if call.help or not missing:
        return
    if missing[0] == "app":
        also = ", or app=all" if call.signature.app == "many" else ""
        raise UsageError(f"{call.task} needs a component", f"Name one: app=NAME{also}.")
    raise UsageError(
        f"{call.task} needs {' and '.join(f'{name}=' for name in missing)}",
        f"`fab {call.task} --help` explains them.",
    )
