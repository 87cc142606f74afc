"""The two sides of a component: its hosts, and what comes of comparing them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from ops import run
from ops.remote.host import Host
from ops.verify.verdict import Judgement

if TYPE_CHECKING:
    from ops.inventory.repository import Repository

Side = Literal["source", "target"]

SIDES: tuple[Side, Side] = ("source", "target")


@dataclass(frozen=True)
class Outcome:
    """What became of one data set; `read` is the share of its bytes that was read now."""

    name: str
    judgement: Judgement
    as_of: datetime
    seconds: float
    read: float = 1.0


class Hosts:
    """Connections to a component's hosts, each made once, closed with the stack."""

    def __init__(self, repo: Repository, component: str, stack: ExitStack) -> None:
        self.repo = repo
        self.component = component
        self._stack = stack
        self._known: dict[tuple[Side, str], Host] = {}

    def get(self, side: Side, slot: str) -> Host:
        """Return the connected host of a slot."""
        if (side, slot) not in self._known:
            there: run.Side = "campus" if side == "source" else "cloud"
            host = run.host(self.repo, self.component, there, slot)
            self._known[side, slot] = self._stack.enter_context(host)
        return self._known[side, slot]
