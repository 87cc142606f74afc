"""What a task declares beyond its signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

App = Literal["none", "one", "many", "optional", "together"]
Ahead = Callable[[], None]
Candidates = Callable[[], tuple[list[str], Mapping[str, str]]]


@dataclass(frozen=True)
class Rules:
    """The keyword arguments of @task, which explains them."""

    app: App = "none"
    asks: bool = False
    one_after_another: bool = False
    candidates: Candidates | None = None
    help: Mapping[str, str] = field(default_factory=dict)
    in_order: bool = False
    partial: bool = False
    ahead: Ahead | None = None

    def check(self, body: Callable[..., object]) -> None:
        """Raise TypeError when the function and what it declared do not fit."""
        parameters = list(inspect.signature(body).parameters)[1:]
        faults = {
            f"app={self.app}": (self.app != "none") != ("app" in parameters),
            "asks without a parameter yes": self.asks and "yes" not in parameters,
            "candidates go with app=optional": (
                (self.app == "optional") != (self.candidates is not None)
            ),
            "ahead goes with several components": (
                self.ahead is not None and self.app not in {"many", "optional"}
            ),
            "help for no parameter": bool(set(self.help) - set(parameters)),
        }
        wrong = [complaint for complaint, is_so in faults.items() if is_so]
        if wrong:
            raise TypeError(f"task {body.__qualname__}: {'; '.join(wrong)}")
