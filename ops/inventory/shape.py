"""The shape of the schema: which keys may stand where."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of `model` by the key that stands for each in YAML."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def models_at(model: type[BaseModel], path: Iterable[str | int]) -> list[type[BaseModel]]:
    """Return the models that may stand at `path` below `model`; several for a choice.

    Steps that stand for no key or position (the tag of a choice) narrow nothing.
    """
    places: list[object] = [model]
    for step in path:
        below = [inner for place in places for inner in _below(place, step)]
        places = below or places
    return [found for place in places for found in _models(place)]


def parts(annotation: object) -> Iterator[object]:
    """Yield what an annotation may be: the choices of a union, without Annotated and None."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from parts(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for choice in typing.get_args(annotation):
            yield from parts(choice)
    elif annotation is not type(None):
        yield annotation


def _below(place: object, step: str | int) -> Iterator[object]:
    for part in parts(place):
        origin = typing.get_origin(part)
        if origin is list and isinstance(step, int):
            yield typing.get_args(part)[0]
        elif origin is dict and isinstance(step, str):
            yield typing.get_args(part)[1]
        elif isinstance(part, type) and issubclass(part, BaseModel) and step in keys(part):
            yield keys(part)[str(step)].annotation


def _models(place: object) -> Iterator[type[BaseModel]]:
    for part in parts(place):
        if isinstance(part, type) and issubclass(part, BaseModel):
            yield part
