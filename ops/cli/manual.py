"""The help of a task, in the form people type it. Pure."""

from __future__ import annotations

from ops.cli.grammar import Argument, Signature

_STANDS_FOR = {"app": "NAME", "expect": "DIGEST"}


def page(signature: Signature, text: str) -> list[str]:
    """Return the lines of `fab TASK --help`: usage, the task's docstring, its arguments."""
    lines = [f"Usage: {usage(signature)}", "", *text.splitlines()]
    if signature.arguments:
        forms = [_form(argument) for argument in signature.arguments]
        width = max(len(form) for form in forms)
        told = [_told(argument) for argument in signature.arguments]
        lines += [
            "",
            *(
                f"  {form:{width}}  {words}".rstrip()
                for form, words in zip(forms, told, strict=True)
            ),
        ]
    return lines


def usage(signature: Signature) -> str:
    """Return how a task is typed; what may be left out stands in brackets."""
    words = (_usage(argument) for argument in signature.arguments)
    return " ".join(["fab", signature.task, *words])


def _usage(argument: Argument) -> str:
    return _form(argument) if argument.required else f"[{_form(argument)}]"


def _form(argument: Argument) -> str:
    if argument.choices:
        return f"{argument.name}={'|'.join(argument.choices)}"
    if argument.kind == "switch":
        return f"{argument.name}={'false' if argument.default else 'true'}"
    if argument.kind == "text":
        return f"{argument.name}={_STANDS_FOR.get(argument.name, argument.name.upper())}"
    return f"{argument.name}=N"


def _told(argument: Argument) -> str:
    if argument.kind == "switch" or argument.default in (None, "", 0):
        return argument.help
    return f"{argument.help} (else {argument.default})".strip()
