"""Asks a lab's AWS that runs to put something into a state that no API call leads to."""

from __future__ import annotations

import json
from http.client import HTTPConnection

from ops.errors import OpsError


def set_state(url: str, resource: str, state: str) -> None:
    """Put a snapshot or an instance of the lab's AWS at `url` into a state; see server.py.

    Raise OpsError when it knows no such resource, or does not answer.
    """
    connection = HTTPConnection(url.removeprefix("http://"), timeout=60)
    try:
        connection.request("POST", "/lab/state", json.dumps({"id": resource, "state": state}))
        reply = connection.getresponse()
        said = reply.read().decode("utf-8", "replace")
    except OSError as error:
        raise OpsError(f"the lab's AWS at {url} does not answer: {error}") from error
    finally:
        connection.close()
    if reply.status != 200:
        raise OpsError(f"{resource} can't be {state}: {said.strip()}")
