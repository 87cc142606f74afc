"""Invoke's parser with this suite's grammar inside."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from invoke.exceptions import ParseError
from invoke.parser.context import ParserContext
from invoke.parser.parser import Parser, ParseResult

from ops.cli import faults, grammar
from ops.cli.signatures import signature
from ops.cli.tasks import Task
from ops.errors import UsageError


class WordParser(Parser):
    """Invoke's parser with ops.cli.grammar in the place of its state machine."""

    def __init__(self, stock: Parser, collection: Any) -> None:
        super().__init__(contexts=stock.contexts.values(), initial=stock.initial)
        self.signatures = _Signatures(self.contexts, collection)

    def parse_argv(self, argv: list[str]) -> ParseResult:
        """Return the contexts of the tasks in `argv`, after that of the program itself."""
        program = copy.deepcopy(self.initial) or ParserContext()
        result = ParseResult([program])
        try:
            calls = grammar.read(argv, self.signatures)
        except UsageError as error:
            raise ParseError("\n".join(faults.lines(error)), self._last_named(argv)) from None
        for call in calls:
            if call.help:
                program.args["help"].value = call.task
            result.append(self._context(call))
        return result

    def _context(self, call: grammar.Call) -> ParserContext:
        context: ParserContext = copy.deepcopy(self.contexts[call.task])
        for name, value in call.values.items():
            context.args[name].set_value(value, cast=False)
        return context

    def _last_named(self, argv: list[str]) -> ParserContext | None:
        named = [word for word in argv if word in self.contexts]
        return self.contexts[named[-1]] if named else None


class _Signatures(Mapping[str, grammar.Signature]):
    """The signatures of all tasks under all their names, each made when it is asked for."""

    def __init__(self, contexts: Any, collection: Any) -> None:
        self._names = [*contexts, *contexts.aliases]
        self._collection = collection

    def __getitem__(self, name: str) -> grammar.Signature:
        if name not in self._names:
            raise KeyError(name)
        task: Task = self._collection[name]
        return signature(task.body, task.rules, name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
