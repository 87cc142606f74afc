"""The two hosts of a transfer."""

from __future__ import annotations

from dataclasses import dataclass

from ops.errors import Incomplete
from ops.remote.endpoint import Endpoint
from ops.remote.host import Host


@dataclass(frozen=True)
class Ends:
    """Both hosts of a transfer, and how the source is to reach the target.

    `target_key` is the target's pinned host key, `TYPE BASE64`. What is done on the source is
    done as root where its log-in may become root; the same on the target.
    """

    source: Host
    target: Host
    target_endpoint: Endpoint
    target_key: str
    source_root: bool = False

    @property
    def target_root(self) -> bool:
        """Return whether the target's log-in becomes root."""
        return self.target_endpoint.become == "sudo"


class Busy(Incomplete):
    """Somebody else writes into the target's root."""
