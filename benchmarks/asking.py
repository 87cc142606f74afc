"""Ours in the benchmark of the fan-out: asks hosts one line each, as a program of its own.

`python -m benchmarks.asking HOSTS.json LINE LIMIT` prints how many answered.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ops.remote.command import command
from ops.remote.connection import connect
from ops.remote.endpoint import Endpoint
from ops.remote.fanout import each, unfinished


def main() -> int:
    """Ask all hosts; return 1 when one did not answer."""
    listed, line, limit = sys.argv[1:]
    told = json.loads(Path(listed).read_text())
    ways = [
        Endpoint(
            one["name"],
            one["address"],
            one["user"],
            Path(one["known_hosts"]),
            port=one["port"],
            identity=Path(one["identity"]),
        )
        for one in told
    ]

    def ask(way: Endpoint) -> bytes:
        with connect(way) as host:
            return host.run(command("sh", "-c", line), timeout=60).out

    outcomes = each(ways, ask, limit=int(limit), seconds=60)
    answered = sum((one.value or b"").endswith(b"end\n") for one in outcomes)
    sys.stdout.write(f"{answered} answered\n")
    sys.stderr.writelines(f"{line}\n" for line in unfinished(outcomes))
    return 0 if answered == len(ways) else 1


if __name__ == "__main__":
    sys.exit(main())
