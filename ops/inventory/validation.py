"""From a document to a value of the schema, or to every problem with its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from ops.inventory import shape
from ops.inventory.document import Document, Path
from ops.inventory.problems import Broken, Problem, nearest
from ops.inventory.schema import Dangling

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)

_MOST = 50
"""Problems told of one file: whoever made more took the wrong file."""

_WANTED = {
    "string_type": "a text is wanted: put it in quotes",
    "int_type": "a number without a point is wanted",
    "float_type": "a number is wanted",
    "bool_type": "true or false is wanted",
    "list_type": "a list is wanted",
    "dict_type": "a mapping (`key: value`) is wanted",
    "model_type": "a mapping (`key: value`) is wanted",
    "model_attributes_type": "a mapping (`key: value`) is wanted",
    "union_tag_not_found": "`kind` is missing",
}


def value(document: Document, model: type[M]) -> M:
    """Return the document as a value of `model`. Raise Broken with all that is wrong with it."""
    try:
        return model.model_validate(document.data, by_name=False, by_alias=True)
    except ValidationError as error:
        details = error.errors()
        problems = [_problem(document, model, detail) for detail in details[:_MOST]]
        if len(details) > _MOST:
            last = max(problems)
            words = f"... and {len(details) - _MOST} more in this file"
            problems.append(Problem(last.file, last.line, last.column + 1, words))
        raise Broken(problems) from None


def dangling(document: Document, found: Iterable[Dangling]) -> list[Problem]:
    """Return a problem for each reference to nothing, with the nearest name that exists."""
    return [
        document.problem(one.path, f"nothing is called {one.name}{nearest(one.name, one.known)}")
        for one in found
    ]


def _problem(document: Document, model: type[BaseModel], detail: ErrorDetails) -> Problem:
    path: Path = tuple(detail["loc"])
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = {key for found in shape.models_at(model, path[:-1]) for key in shape.keys(found)}
        words = f"unknown key {path[-1]}{nearest(str(path[-1]), known)}"
        return document.problem(path, words, key=True)
    if kind == "missing":
        return document.problem(path[:-1], f"{path[-1]} is missing")
    if path[-1:] == ("[key]",):
        words = f"the name {detail['input']} {_wanted(detail)}"
        return document.problem(path[:-1], words, key=True)
    if kind == "union_tag_invalid":
        path = (*path, "kind")
    name = ".".join(str(step) for step in document.known(path))
    return document.problem(path, f"{name}{_shown(detail)}: {_wanted(detail)}")


def _wanted(detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    message = detail["msg"]
    special = {
        "literal_error": f"one of {context.get('expected')} is wanted",
        "union_tag_invalid": f"one of {context.get('expected_tags')} is wanted",
        "value_error": str(context.get("error")),
        "string_pattern_mismatch": f"does not match {context.get('pattern')}",
        **_WANTED,
    }
    if _is_secret(detail):
        return "a reference is wanted, env:NAME or file:PATH"
    return special.get(kind, message[:1].lower() + message[1:])


def _shown(detail: ErrorDetails) -> str:
    """Return ` is VALUE`, cut short; nothing for a collection, or where a secret may stand."""
    given = detail["input"]
    if detail["type"] == "union_tag_invalid":
        given = given.get("kind")
    if isinstance(given, dict | list) or detail["type"] == "string_type" or _is_secret(detail):
        return ""
    if given is None:
        return " is empty"
    text = str(given).lower() if isinstance(given, bool) else str(given)
    return f" is {text if len(text) <= 60 else f'{text[:57]}...'}"


def _is_secret(detail: ErrorDetails) -> bool:
    return "env:" in str(detail.get("ctx", {}).get("pattern", ""))
