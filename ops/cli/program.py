"""The hook that makes stock `fab` speak this suite's command line.

`install` changes the class of the one running program, from the fabfile, before its words are
parsed. Invoke parses what stands before the first task's name; ops.cli.grammar all the rest.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from types import FrameType
from typing import Any

from fabric.main import Fab
from invoke.exceptions import Exit, Failure, ParseError
from invoke.parser.context import ParserContext
from invoke.parser.parser import Parser

from ops.errors import OpsError, UsageError

FORMATS = ("flat", "nested", "json")


def install(program: Any) -> None:
    """Give `program`, a running fabric.main.Fab, this suite's command line."""
    _open_standard_streams()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    program.__class__ = Program


class Program(Fab):
    """Fabric's program with this suite's grammar, exit codes and endings."""

    def _make_parser(self) -> Parser:
        stock: Parser = super()._make_parser()
        if not self.core.unparsed and not self.args["complete"].value:
            return stock  # nothing to parse, as for --list
        from ops.cli.parser import WordParser

        return WordParser(stock, self.collection)

    def parse_tasks(self) -> None:
        """Parse the words of tasks; a mistake ends with 2."""
        with _usage_errors():
            self._refuse_stock_ways()
            super().parse_tasks()

    def parse_cleanup(self) -> None:
        """Answer --help and --list, whose mistakes end with 2, too."""
        with _usage_errors(), _reader_may_go():
            if self.args["list-format"].value not in FORMATS:
                raise UsageError(f"--list-format is one of {', '.join(FORMATS)}")
            wanted = self.args["help"].value
            if isinstance(wanted, str) and wanted not in self.parser.contexts:
                from ops.cli.wording import no_task

                raise no_task(wanted, [*self.parser.contexts, *self.parser.contexts.aliases])
            super().parse_cleanup()

    def print_task_help(self, name: str) -> None:
        """Print what a task does and takes, in the form people type it."""
        from ops.cli.manual import page
        from ops.cli.output import say
        from ops.cli.signatures import signature

        found = self.collection[name]
        text = inspect.getdoc(found) or ""
        say(*page(signature(found.body, found.rules, name), text))

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
        from ops.cli import faults
        from ops.cli.signals import stopping

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
            from ops.cli.grammar import dry_refused

            raise dry_refused()
        if self.args["hosts"].value:
            raise UsageError("-H is refused", "The hosts of a component stand in the inventory.")
        if self.core.remainder and not self.args["complete"].value:
            raise UsageError("nothing may follow --")


@contextmanager
def _usage_errors() -> Iterator[None]:
    """End with 2 what is wrong on the command line; Invoke's own mistakes would end with 1."""
    try:
        yield
    except UsageError as error:
        raise Exit(str(error), error.exit_code) from None
    except ParseError as error:
        raise Exit(str(error), UsageError.exit_code) from None
    except Exit as end:
        code = UsageError.exit_code if end.message and end.code == 1 else end.code
        raise Exit(end.message, code) from None


@contextmanager
def _reader_may_go() -> Iterator[None]:
    """End well when nobody reads a list or help any more (`| head`), with 4 on a full disk."""
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        from ops.cli import faults, output

        output.silence(sys.stdout)
        code = 0 if isinstance(error, BrokenPipeError) else faults.report(error)
        raise Exit(None, code) from None


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """End a start that is interrupted before, between or after tasks, which have their own way."""
    raise Exit("interrupted", 130)


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
