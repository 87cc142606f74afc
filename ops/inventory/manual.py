"""The documentation page of the inventory's schema, made from the models that check it."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ops.inventory import records, shape
from ops.inventory.schema import Component, Prices, Site, State, words

_FILES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("site.yaml", Site),
    ("prices.yaml", Prices),
    ("components/NAME.yaml", Component),
    ("state/NAME.yaml", State),
    ("runs/YYYY/MM/RUN.yaml", records.Record),
)
_HEAD = """\
# The inventory's files, key by key

Made by `fab inventory.docs` from the schema that checks the files: don't edit it.

YAML is read without its traps: `no`, `0755`, `12:30:45` and dates are text, as written; anchors,
aliases, tags and merge keys are errors, and so are unknown and duplicate keys.
"""


def page() -> str:
    """Return the page as Markdown: each file, each part of it, each key."""
    told: set[type[BaseModel]] = set()
    return _HEAD + "".join(part for file, model in _FILES for part in _file(file, model, told))


def _file(file: str, model: type[BaseModel], told: set[type[BaseModel]]) -> Iterator[str]:
    yield f"\n## {file}\n"
    waiting = [model]
    while waiting:
        current = waiting.pop(0)
        if current not in told:
            told.add(current)
            yield from _model(current, heading="" if current is model else current.__name__)
            waiting += [below for field in _fields(current) for below in _models(field.annotation)]


def _model(model: type[BaseModel], heading: str) -> Iterator[str]:
    if heading:
        yield f"\n### {heading}\n"
    yield f"\n{inspect.getdoc(model)}\n"
    yield "\n| key | holds | without it | notes |\n|---|---|---|---|\n"
    for key, field in shape.keys(model).items():
        row = (
            f"`{key}`",
            _kind(field.annotation, field.metadata),
            _default(field),
            field.description or "",
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n"


def _fields(model: type[BaseModel]) -> list[FieldInfo]:
    return list(model.model_fields.values())


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    for part in shape.parts(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part
        for inner in typing.get_args(part):
            yield from _models(inner)


def _kind(annotation: object, constraints: Iterable[object] = ()) -> str:
    """Return what stands there, in words: "list of Rule", "one of a, b"."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _kind(arguments[0], (*arguments[1:], *constraints))
    if origin in (typing.Union, types.UnionType):
        kinds = [_kind(choice, constraints) for choice in arguments if choice is not type(None)]
        return " or ".join(dict.fromkeys(kinds))
    if origin is typing.Literal:
        return f"one of {', '.join(f'`{word}`' for word in arguments)}"
    if origin in (list, dict):
        below = _kind(arguments[-1])
        return f"list of {below}" if origin is list else f"{below} by name"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return ", ".join([_SIMPLE.get(annotation, "anything"), *_limits(constraints)])


_SIMPLE: dict[object, str] = {
    str: "text",
    int: "number",
    float: "decimal",
    bool: "`true` or `false`",
    datetime: "a moment in ISO 8601",
}


def _limits(constraints: Iterable[object]) -> Iterator[str]:
    """Yield the bounds and the pattern of a value, as far as it has any."""
    for constraint in constraints:
        if isinstance(constraint, FieldInfo):
            yield from _limits(constraint.metadata)
        for name, sign in (("ge", "≥"), ("le", "≤")):
            bound = getattr(constraint, name, None)
            if bound is not None:
                yield f"{sign} {bound}"
        pattern = getattr(constraint, "pattern", None)
        if pattern is not None:
            yield _PATTERNS.get(pattern, f"as `{pattern}`")


def _pattern(word: object) -> str:
    return next(
        str(found.pattern) for found in typing.get_args(word)[1:] if hasattr(found, "pattern")
    )


_PATTERNS = {
    _pattern(words.Slug): "a name: lower case letters, digits, dashes",
    _pattern(words.HostName): "a host name or address",
    _pattern(words.UserName): "an account",
    _pattern(words.AbsolutePath): "a path from the root",
    _pattern(words.Template): "a file below templates/",
    _pattern(words.Duration): "as in 90s, 15m, 26h, 30d, 2w, 1y",
    _pattern(words.Mode): 'four octal digits: "0644"',
    _pattern(words.Secret): "`env:NAME` or `file:PATH`",
    _pattern(words.CronTime): "minute hour day month weekday",
}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is None or default is PydanticUndefined:
        return "none"
    if isinstance(default, BaseModel):
        return "its own defaults"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default not in ("", [], {}) else "empty"
