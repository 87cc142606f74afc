"""What a task may be given, read from its function: names, annotations, defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

from ops.cli.grammar import Argument, Kind, Signature
from ops.cli.rules import App, Rules

HELP: Mapping[str, str] = {
    "plan": "show the plan and its digest, change nothing",
    "expect": "carry it out only if the plan still has this digest",
    "yes": "do not ask (needed without a terminal)",
    "json": "one JSON document on standard output, all else on standard error",
}
_APP_HELP: Mapping[App, str] = {
    "none": "",
    "one": "the component",
    "many": "the component; several as a,b; every one as all",
    "optional": "the component; several as a,b; without it every one that is ready for it",
    "together": "the component; several as a,b; without it the whole fleet",
}
_KINDS: Mapping[object, Kind] = {str: "text", int: "integer", float: "number", bool: "switch"}


def signature(body: Callable[..., object], rules: Rules, name: str) -> Signature:
    """Return the signature of a task's function, called `name` on the command line."""
    hints = get_type_hints(body)
    parameters = list(inspect.signature(body).parameters.values())[1:]
    arguments = tuple(
        _argument(parameter, hints[parameter.name], rules) for parameter in parameters
    )
    bare = tuple(a.name for a in arguments if a.required or a.name == "app")
    return Signature(name, arguments, bare, rules.app)


def _argument(parameter: inspect.Parameter, hint: object, rules: Rules) -> Argument:
    required = parameter.default is inspect.Parameter.empty
    kind, choices = _kind(hint)
    told = rules.help.get(parameter.name) or HELP.get(parameter.name, "")
    if parameter.name == "app":
        required, told = rules.app in {"one", "many"}, _APP_HELP[rules.app]
    default = None if required else parameter.default
    return Argument(parameter.name.replace("_", "-"), kind, required, choices, default, told)


def _kind(hint: object) -> tuple[Kind, tuple[str, ...]]:
    origin = get_origin(hint)
    if origin is Literal:
        return "text", get_args(hint)
    if origin in (Union, UnionType):
        (only,) = (part for part in get_args(hint) if part is not NoneType)
        return _kind(only)
    return _KINDS[hint], ()
