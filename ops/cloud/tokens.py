"""Client tokens: the same wish gives the same token, so asking twice makes one thing."""

from __future__ import annotations

import hashlib


def token(component: str, slot: str, generation: int | str, kind: str) -> str:
    """Return the client token of one thing: `ops-` and 60 hex digits, 64 characters in all.

    `kind` tells apart what one slot has made for it ("instance", "volume.data"). EC2 answers
    a repeated token with what it made the first time, also after that was terminated: a new
    machine is a new generation.
    """
    words = ("", component, slot, str(generation), kind)  # the first is as tokens always began
    canonical = "\0".join(words).encode()
    return f"ops-{hashlib.sha256(canonical).hexdigest()[:60]}"
