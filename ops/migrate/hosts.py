"""Connections to a component's hosts, and the two ends of its data sets."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from ops import run
from ops.inventory.repository import Repository
from ops.inventory.schema import FileSet
from ops.migrate.engine.ends import Ends
from ops.remote.errors import HostKeyRefused
from ops.remote.host import Host


@dataclass
class Hosts:
    """Connections to a component's hosts, each made once when first needed."""

    repo: Repository
    component: str
    stack: ExitStack
    _open: dict[tuple[run.Side, str], Host] = field(default_factory=dict)

    def at(self, side: run.Side, slot: str) -> Host:
        """Return the host of that side and slot."""
        if (side, slot) not in self._open:
            host = run.host(self.repo, self.component, side, slot)
            self._open[side, slot] = self.stack.enter_context(host)
        return self._open[side, slot]

    def ends(self, data: FileSet) -> Ends:
        """Return both ends of a data set. Raise HostKeyRefused when the target has no pin."""
        there = run.endpoint(self.repo, self.component, "cloud", data.target.host)
        key = self.repo.pinned(there.key_name)
        if key is None:
            raise HostKeyRefused(
                f"no host key is pinned for {there.where}",
                f"Make the host known with `fab provision app={self.component}`.",
            )
        here = run.endpoint(self.repo, self.component, "campus", data.source.host)
        source, target = self.at("campus", data.source.host), self.at("cloud", data.target.host)
        return Ends(source, target, there, key, here.become == "sudo")
