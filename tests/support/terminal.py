"""A terminal of its own for a Python program."""

from __future__ import annotations

import os
import pty
import subprocess
import sys


def on_terminal(program: str, answer: str = "", **environment: str) -> tuple[int, str]:
    """Return the exit code of `program` and what its terminal showed; `answer` is typed first."""
    ours, theirs = pty.openpty()
    wanted = {"PATH": os.defpath, "TERM": "xterm", "COLUMNS": "100", **environment}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=theirs, env=wanted
    )
    os.close(theirs)
    try:
        os.write(ours, answer.encode())
        shown = b"".join(iter(lambda: _read(ours), b""))
        return process.wait(timeout=300), shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(ours: int) -> bytes:
    try:
        return os.read(ours, 65536)
    except OSError:  # the other end is closed
        return b""
