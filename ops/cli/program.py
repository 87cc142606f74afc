"""The hook that makes stock `fab` speak this suite's command line.

`install` changes the class of the one running program, from the fabfile, before its words are
parsed. Invoke parses what stands before the first task's name; ops.cli.grammar all the rest.
"""

from __future__ import annotations

import copy
import inspect
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

from fabric.main import Fab
from invoke.exceptions import Exit, Failure, ParseError
from invoke.parser.context import ParserContext
from invoke.parser.parser import Parser, ParseResult

from ops.cli import faults, grammar
from ops.cli.signals import stopping
from ops.cli.tasks import Task
from ops.cli.wording import no_task
from ops.errors import OpsError, UsageError

FORMATS = ("flat", "nested", "json")


def install(program: Any) -> None:
    """Give `program`, a running fabric.main.Fab, this suite's command line."""
    _open_standard_streams()
    program.__class__ = Program


class Program(Fab):
    """Fabric's program with this suite's grammar, exit codes and endings."""

    def _make_parser(self) -> Parser:
        stock = super()._make_parser()
        return WordParser(stock, self.collection)

    def parse_tasks(self) -> None:
        """Parse the words of tasks; a mistake ends with 2."""
        with _usage_errors():
            self._refuse_stock_ways()
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Answer --help and --list, whose mistakes end with 2, too."""
        with _usage_errors():
            if self.args["list-format"].value not in FORMATS:
                raise UsageError(f"--list-format is one of {', '.join(FORMATS)}")
            wanted = self.args["help"].value
            if isinstance(wanted, str) and wanted not in self.parser.contexts:
                raise no_task(wanted, list(self.parser.signatures))
            super().parse_cleanup()

    def print_task_help(self, name: str) -> None:
        """Print what a task does and takes, in the form people type it."""
        from ops.cli.manual import page
        from ops.cli.output import say

        found: Task = self.collection[name]
        say(*page(found.signature(name), inspect.getdoc(found) or ""))

    def execute(self) -> None:
        """Run the tasks in order; the first that does not end with 0 ends the line."""
        names = [context.name for context in self.tasks]
        for index, context in enumerate(self.tasks):
            code = self._run_one(context)
            if code:
                rest = names[index + 1 :]
                raise Exit(f"not started: {', '.join(rest)}" if rest else None, code)
        if not self.tasks:
            super().execute()

    def _run_one(self, context: ParserContext) -> int:
        executor = self.executor_class(self.collection, self.config, self.core)
        try:
            with stopping():
                (code,) = executor.execute(context).values()
        except (Exit, SystemExit):
            raise
        except Failure as failure:
            return faults.report(OpsError(str(failure).strip()))
        except BaseException as error:  # the one place where an error becomes an exit code
            return faults.report(error)
        return code if isinstance(code, int) else 0

    def _refuse_stock_ways(self) -> None:
        if self.args["dry"].value:
            raise grammar.dry_refused()
        if self.args["hosts"].value:
            raise UsageError("-H is refused", "The hosts of a component stand in the inventory.")
        if self.core.remainder and not self.args["complete"].value:
            raise UsageError("nothing may follow --")


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
        return task.signature(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@contextmanager
def _usage_errors() -> Iterator[None]:
    """End with 2 what is wrong on the command line; Invoke's own mistakes would end with 1."""
    try:
        yield
    except UsageError as error:
        raise Exit("\n".join(faults.lines(error)), error.exit_code) from None
    except ParseError as error:
        raise Exit(str(error), UsageError.exit_code) from None
    except Exit as end:
        code = UsageError.exit_code if end.message and end.code == 1 else end.code
        raise Exit(end.message, code) from None


def _open_standard_streams() -> None:
    """Make sure of file descriptors 0 to 2, or the next file opened becomes one of them."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
