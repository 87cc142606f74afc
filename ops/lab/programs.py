"""Programs of this machine that the lab runs, by argv."""

from __future__ import annotations

import subprocess

from ops.errors import OpsError


def call(*argv: str, stdin: bytes | None = None, seconds: float = 600) -> bytes:
    """Return what a program wrote to standard output.

    Raise OpsError, with the end of its standard error, when it fails, is not installed or
    takes longer than `seconds`.
    """
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False, timeout=seconds)
    except FileNotFoundError:
        raise OpsError(f"the lab needs the program {argv[0]}", "run `make lab`") from None
    except subprocess.TimeoutExpired:
        raise OpsError(f"`{' '.join(argv)}` did not end within {seconds:.0f} s") from None
    if done.returncode:
        words = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
        raise OpsError(f"`{' '.join(argv)}` failed ({done.returncode}): {words}")
    return done.stdout


def attempt(*argv: str, seconds: float = 60) -> bool:
    """Run a program whose failure is no fault (removing what may be gone); say if it worked."""
    try:
        call(*argv, seconds=seconds)
    except OpsError:
        return False
    return True
