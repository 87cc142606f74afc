"""YAML as people wrote it: read fast, with the place of every value, and nothing changed.

The scalars are those of YAML 1.2 without its traps: `null`, `true`, `false`, decimal
integers and decimals with a point. All else is text as it is written: `no`, `on`,
`12:30:45`, `0755`, `2026-11-22`. Anchors, tags and duplicate keys are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from ops.escapes import escape
from ops.inventory.problems import Broken, Problem

Path = tuple[str | int, ...]
"""Keys and list positions from the root of a document to a value."""

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?\Z")
_NUMBER_ELSEWHERE = re.compile(
    r"[-+]?(?:0o[0-7]+|0x[0-9a-fA-F]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)\Z"
)
_OTHERS = yaml.resolver.Resolver()
"""Knows what YAML 1.1 makes of a word."""


_DEEPEST = 100
"""Levels of nesting; the loader recurses in C, where too many end the process."""
_CONFLICT = re.compile(r"^(?:<<<<<<<|>>>>>>>) ", re.MULTILINE)


class _Loader(yaml.CSafeLoader):
    """Composes nodes whose tag is None unless one is written out."""

    depth = 0

    def resolve(self, *_: object) -> Any:
        return None

    def descend_resolver(self, parent: yaml.Node | None, _index: object) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            words = f"more than {_DEEPEST} levels deep"
            mark = parent.start_mark if parent else None
            raise yaml.MarkedYAMLError(problem=words, problem_mark=mark)

    def ascend_resolver(self) -> None:
        self.depth -= 1


class _Dumper(yaml.CSafeDumper):
    """Quotes each text that some reader of YAML would take for something else."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "'" if not is_plain(text) and text.isprintable() else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


@dataclass(frozen=True)
class Document:
    """A YAML file that was read: its name for messages, its text, its node tree."""

    name: str
    text: str
    root: yaml.Node | None

    @cached_property
    def data(self) -> Any:
        """Return the content as JSON data; an empty file is an empty mapping."""
        return {} if self.root is None else plain(self.root)

    def problem(self, path: Path, words: str, *, key: bool = False) -> Problem:
        """Return a problem at the value of `path`, or at its `key`; else as near as can be."""
        node: yaml.Node | None = self.root
        mark = node.start_mark if node else None
        for step in path:
            found = _entry(node, step)
            if found is None:
                continue
            before, node = found
            mark = (before if key else node).start_mark
        if mark is None:
            return Problem(self.name, 1, 1, words)
        return Problem(self.name, mark.line + 1, mark.column + 1, words)

    def known(self, path: Path) -> Path:
        """Return the steps of `path` that lead somewhere: without the tags of choices."""
        node, steps = self.root, []
        for step in path:
            found = _entry(node, step)
            if found is not None:
                steps.append(step)
                node = found[1]
        return tuple(steps)


def read(content: bytes, name: str) -> Document:
    """Return the document in `content`. Raise Broken with every problem that it has."""
    text = _decoded(content, name)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise Broken([_syntax(error, text, name)]) from None
    if root is None:
        return Document(name, text, None)
    problems = [Problem(name, *place, words) for place, words in _oddities(root)]
    if not isinstance(root, yaml.MappingNode):
        problems.append(Problem(name, 1, 1, "a mapping (`key: value` lines) is wanted"))
    if problems:
        raise Broken(problems)
    return Document(name, text, root)


def plain(node: yaml.Node) -> Any:
    """Return the JSON data that a node without oddities stands for."""
    if isinstance(node, yaml.ScalarNode):
        return scalar(node.value) if node.style in (None, "") else node.value
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    return {key.value: plain(value) for key, value in node.value}


def scalar(word: str) -> str | int | float | bool | None:
    """Return what a word without quotes stands for."""
    if word in _NULL:
        return None
    if word in _BOOLEAN:
        return _BOOLEAN[word]
    if _INTEGER.match(word) and len(word) < 4000:
        return int(word)
    if _DECIMAL.match(word):
        return float(word)
    return word


def is_plain(text: str) -> bool:
    """Return whether every reader of YAML, of 1.1 or 1.2, takes the word `text` for a text."""
    tag = _OTHERS.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call] # gap in stubs
    known = scalar(text) == text and tag == "tag:yaml.org,2002:str"
    return known and _NUMBER_ELSEWHERE.match(text) is None


def dump(data: object, heading: str = "") -> bytes:
    """Return JSON data as YAML that `read` reads back as it was, below a comment."""
    text = yaml.dump(
        _printable(data),
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=False,
        width=100,
    )
    return (f"# {heading}\n{text}" if heading else text).encode()


def _entry(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _oddities(root: yaml.Node) -> Iterator[tuple[tuple[int, int], str]]:
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            yield _place(node), "is used again by an alias (*name): write it out there"
            continue
        seen.add(id(node))
        if node.tag is not None:
            yield _place(node), f"tags such as {node.tag} have no meaning here: leave it out"
        if isinstance(node, yaml.MappingNode):
            yield from _key_oddities([key for key, _ in node.value])
            waiting.extend(value for _, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)


def _key_oddities(keys: Sequence[yaml.Node]) -> Iterator[tuple[tuple[int, int], str]]:
    first: dict[str, yaml.Node] = {}
    for key in keys:
        if not isinstance(key, yaml.ScalarNode):
            yield _place(key), "a key must be one word"
        elif key.value in first:
            line = first[key.value].start_mark.line + 1
            yield _place(key), f"{key.value} stands here a second time (first in line {line})"
        else:
            first[key.value] = key


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _decoded(content: bytes, name: str) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        words = f"byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise Broken([Problem(name, line, column, words)]) from None
    if text.startswith("\ufeff"):
        raise Broken([Problem(name, 1, 1, "starts with a byte order mark: save it without")])
    return text


def _syntax(error: yaml.YAMLError, text: str, name: str) -> Problem:
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        line = text.count("\n", 0, conflict.start()) + 1
        return Problem(name, line, 1, "an unresolved merge conflict of git")
    if isinstance(error, yaml.MarkedYAMLError):
        words = ", ".join(part for part in (error.problem, error.context) if part)
        mark = error.problem_mark or error.context_mark
        return Problem(name, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, words)
    position = getattr(error, "position", 0)
    before = text.encode()[:position]
    line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
    return Problem(name, line, column, "a control character, which YAML does not allow")


def _printable(data: object) -> object:
    if isinstance(data, str):
        return _octal(data)
    if isinstance(data, dict):
        return {_octal(str(key)): _printable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_printable(item) for item in data]
    return data


def _octal(text: str) -> str:
    """Return the text; as `escape` writes it when it holds bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return escape(text)
    return text
