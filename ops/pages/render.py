"""Templates: the inventory's own first, then the suite's, rendered strictly.

Scripts put on hosts, user data, monitoring files, pages and reports all come through
here. A value that a template names and nobody gives is an error, never an empty string.
Templates can't reach into Python: people who edit the inventory write them.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ops.errors import OpsError
from ops.escapes import escape

if TYPE_CHECKING:
    from jinja2 import Environment, TemplateError

SUITE = Path(__file__).resolve().parents[2] / "templates"
"""The templates that come with the suite; the last of the folders to look in."""


def render(name: str, folders: Sequence[Path], /, **values: object) -> str:
    """Return the template `name` filled in with `values`.

    `name` is a path below one of `folders`, the first that has it. Names that end in
    `.html.j2` are escaped for HTML. Beside Jinja's filters there are `octal` (bytes and
    file names on one printable line) and `shell` (one word for a POSIX shell).
    Raise OpsError naming file and line when the template is missing, does not parse, uses
    a value it was not given, or fails.
    """
    import jinja2

    try:
        return _environment(tuple(folders)).get_template(name).render(**values)
    except jinja2.TemplateNotFound as error:
        raise OpsError(
            f"no template {error.name}" + (f", wanted by {name}" if error.name != name else ""),
            f"Looked in {', '.join(map(str, folders)) or 'no folder'}.",
        ) from None
    except jinja2.TemplateError as error:
        raise OpsError(f"{_place(name, error)}: {error.message}", _hint(error)) from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise OpsError(
            f"{_place(name, error)}: {error}", "Correct the expression in the template."
        ) from None


@cache
def _environment(folders: tuple[Path, ...]) -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined, select_autoescape
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        autoescape=select_autoescape(("html.j2",)),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["octal"] = escape
    environment.filters["shell"] = _shell
    return environment


def _shell(value: object) -> str:
    return shlex.quote(str(value))


def _hint(error: TemplateError) -> str:
    import jinja2

    if isinstance(error, jinja2.UndefinedError):
        return "Correct the name, or leave the value out: templates get only what is declared."
    return "Correct the template."


def _place(name: str, error: Exception) -> str:
    """Return file:line of the template that failed, as near as Jinja knows it."""
    import jinja2

    if isinstance(error, jinja2.TemplateSyntaxError):
        return f"{error.filename or name}:{error.lineno}"
    return _last_template_line(error.__traceback__) or name


def _last_template_line(traceback: TracebackType | None) -> str:
    """Return the innermost frame that lies in a template; Jinja rewrites frames to its lines."""
    found = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if "__jinja_exception__" in traceback.tb_frame.f_globals:
            found = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found
