"""Whether an endpoint of our own answers at all, found out within seconds."""

from __future__ import annotations

import http.client
import socket
import urllib.parse

from ops.cloud.errors import CloudError


def reach(endpoint: str, seconds: float) -> None:
    """Do nothing when something answers at `endpoint`. Raise CloudError (Unreachable) otherwise.

    boto3 would try for half a minute before it says so. A connection must come about within
    `seconds`; the answer may take three times as long, as of a server that many ask at once. Any
    HTTP answer will do; of an https endpoint only the connection is tried, as its certificate
    is boto3's business.
    """
    parts = urllib.parse.urlsplit(endpoint)
    host, secure = parts.hostname or "", parts.scheme == "https"
    try:
        if secure:
            socket.create_connection((host, parts.port or 443), timeout=seconds).close()
        else:
            _ask(host, parts.port or 80, seconds)
    except (OSError, http.client.HTTPException) as error:
        raise CloudError(
            "Unreachable", "", endpoint, f"the AWS endpoint does not answer: {_why(error)}"
        ) from None


def _ask(host: str, port: int, seconds: float) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    try:
        connection.connect()
        connection.sock.settimeout(3 * seconds)
        connection.request("HEAD", "/")
        connection.getresponse().read()
    finally:
        connection.close()


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
