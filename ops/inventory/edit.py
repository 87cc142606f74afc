"""Editing YAML as a careful person would: one value changes, every other byte stays.

Only the text of the value is replaced, or a line added; then the result is read again and
compared with what was wanted, and with the comments that were there before.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ops.errors import Refused, UsageError
from ops.inventory.document import Document, Path, is_plain, plain, read
from ops.inventory.problems import Broken

Value = None | bool | int | float | str | list[Any] | dict[str, Any]

_PLAIN = re.compile(
    r"[A-Za-z0-9_/.][A-Za-z0-9_/.@+=-]*(?::[A-Za-z0-9_/.@+=-]+)*"
    r"(?: [A-Za-z0-9_/.(][A-Za-z0-9_/.@+=()-]*)*"
)


def value_of(text: str) -> Value:
    """Return what a value on the command line stands for: as in YAML, `[a, b]` is a list."""
    if "\n" in text or "#" in text:
        return text
    try:
        found = read(f"value: {text}\n".encode(), "value").data.get("value")
    except Broken:
        return text
    return text if isinstance(found, str) else found


def path_of(key: str) -> Path:
    """Return the path of a dotted key: `backup.keep.daily`, `probes.0.interval`."""
    steps = key.split(".")
    if "" in steps:
        raise UsageError(f"{key} is no key", "Write it as in backup.keep.daily.")
    return tuple(int(step) if step.isdecimal() else step for step in steps)


def with_value(text: str, path: Path, value: Value) -> str:
    """Return YAML `text` with `value` at `path`; keys that are missing are added.

    Raise UsageError when there is no such place, Refused when it can't be done without
    touching something else.
    """
    old = read(text.encode(), "the file")
    wanted = _changed(old.data, path, value)
    new = _edited(old, path, value)
    again = read(new.encode(), "the file")
    if again.data != wanted or comments(new) != comments(text):
        raise _by_hand(path)
    return new


def comments(text: str) -> list[str]:
    """Return the comments of a YAML text in order, each from its # to the end of the line."""
    found: list[str] = []
    at = 0
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        found += re.findall(r"#.*", text[at : token.start_mark.index])
        at = max(at, _content_end(text, token))
    return found + re.findall(r"#.*", text[at:])


def _content_end(text: str, token: yaml.Token) -> int:
    if isinstance(token, yaml.ScalarToken) and token.style in ("|", ">"):
        return _block_end(text, token.start_mark, token.end_mark)
    return int(token.end_mark.index)


def _changed(data: Any, path: Path, value: Value) -> Any:
    """Return `data` with `value` at `path`. Raise UsageError when that is no place in it."""
    new = copy.deepcopy(data)
    place = new
    for depth, step in enumerate(path[:-1]):
        if isinstance(place, dict):
            if place.get(str(step)) is None:  # absent, or a key with nothing after it
                place[str(step)] = {}
            place = place[str(step)]
        elif isinstance(place, list) and isinstance(step, int) and step < len(place):
            place = place[step]
        else:
            raise _no_place(path[: depth + 1])
    last = path[-1]
    if isinstance(place, dict):
        place[str(last)] = value
    elif isinstance(place, list) and isinstance(last, int) and last < len(place):
        place[last] = value
    else:
        raise _no_place(path)
    return new


def _no_place(path: Path) -> UsageError:
    name = ".".join(str(step) for step in path)
    return UsageError(
        f"{name} is no place for a value", "`fab inventory.show` shows what is there."
    )


def _by_hand(path: Path) -> Refused:
    name = ".".join(str(step) for step in path)
    return Refused(
        f"{name} can't be set without touching what stands around it",
        "Nothing was changed: edit the file by hand, then `fab inventory.validate`.",
    )


def _edited(document: Document, path: Path, value: Value) -> str:
    text, node = document.text, document.root
    if node is None:
        return _lines_added(text, len(text), path, value, 0)
    for depth, step in enumerate(path):
        below = _entry(node, step)
        if below is None:
            return _inserted(text, node, path, depth, value)
        if depth < len(path) - 1 and isinstance(below, yaml.ScalarNode):
            if plain(below) is not None:
                raise _no_place(path[: depth + 2])
            return _opened(text, node, below, path[depth + 1 :], value)
        node = below
    return _replaced(text, node, value)


def _entry(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode):
        found: yaml.Node = node.value[int(step)]
        return found
    return next((value for key, value in node.value if key.value == str(step)), None)


def _replaced(text: str, node: yaml.Node, value: Value) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        end = _end(text, node)
        return text[:start] + _block(value, node) + text[end:]
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        end = _block_end(text, node.start_mark, node.end_mark)
    gap = " " if start == end and text[start - 1 : start] == ":" else ""
    style = node.style if isinstance(node, yaml.ScalarNode) else None
    return text[:start] + gap + written(value, style) + text[end:]


def _block(value: Value, node: yaml.CollectionNode) -> str:
    if isinstance(node, yaml.SequenceNode) and isinstance(value, list) and value:
        separator = "\n" + " " * node.start_mark.column
        return separator.join(f"- {written(item)}" for item in value)
    return written(value)


def _inserted(text: str, node: yaml.Node, path: Path, depth: int, value: Value) -> str:
    """Return the text with `path` from `depth` on added at the end of the mapping `node`."""
    rest = path[depth:]
    if not isinstance(node, yaml.MappingNode):
        raise _no_place(path[: depth + 1])
    if node.flow_style:
        at = node.value[-1][1].end_mark.index if node.value else node.start_mark.index + 1
        comma = ", " if node.value else ""
        return (
            text[:at] + f"{comma}{_key(rest[0])}: {written(_nested(rest[1:], value))}" + text[at:]
        )
    at = _end(text, node)
    return _lines_added(text, at, rest, value, node.start_mark.column)


def _opened(text: str, parent: yaml.Node, empty: yaml.Node, rest: Path, value: Value) -> str:
    """Return the text with a mapping of `rest` in the place of the nothing at `empty`."""
    flow = isinstance(parent, yaml.CollectionNode) and parent.flow_style
    at, end = empty.start_mark.index, empty.end_mark.index
    if flow or at != end:
        return text[:at] + " " * (at == end) + written(_nested(rest, value)) + text[end:]
    return _lines_added(text, at, rest, value, parent.start_mark.column + 2)


def _lines_added(text: str, at: int, rest: Path, value: Value, indent: int) -> str:
    """Return the text with block lines for `rest` below the line that `at` lies in."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = []
    for depth, step in enumerate(rest):
        last = depth == len(rest) - 1
        lines.append(
            f"{' ' * (indent + 2 * depth)}{_key(step)}:{f' {written(value)}' if last else ''}"
        )
    end = text.find("\n", at)
    before, after = (text[: end + 1], text[end + 1 :]) if end >= 0 else (text, "")
    gap = "" if not before or before.endswith("\n") else newline
    return before + gap + newline.join(lines) + newline + after


def _end(text: str, node: yaml.Node) -> int:
    """Return where the last character of a node stands, without the comments after it."""
    if isinstance(node, yaml.ScalarNode):
        if node.style in ("|", ">"):
            return _block_end(text, node.start_mark, node.end_mark)
        return node.end_mark.index
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return node.end_mark.index
    last = node.value[-1]
    return _end(text, last[1] if isinstance(node, yaml.MappingNode) else last)


def _block_end(text: str, start: yaml.Mark, end: yaml.Mark) -> int:
    """Return where a | or > text ends: before the line break of its last line."""
    body = text[start.index : end.index].rstrip("\r\n \t")
    return start.index + len(body)


def written(value: Value, style: str | None = None) -> str:
    """Return a value as YAML on one line, texts quoted as `style` says, or as needed."""
    if isinstance(value, str):
        return _word(value, style)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(written(item) for item in value) + "]"
    return json.dumps(value)


def _word(text: str, style: str | None) -> str:
    if style == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    if style != '"' and _PLAIN.fullmatch(text) and is_plain(text):
        return text
    return '"' + "".join(_letter(letter) for letter in text) + '"'


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def _key(step: str | int) -> str:
    return _word(str(step), None) if isinstance(step, str) else str(step)


def _nested(path: Path, value: Value) -> Value:
    for step in reversed(path):
        value = {str(step): value}
    return value
