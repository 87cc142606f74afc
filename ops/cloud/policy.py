"""The least that AWS must allow: policy.json, for the credentials in site.yaml.

It may look at everything, make only what it tags as the suite's, and change or delete only
what has such a tag. Encrypted volumes with a key of one's own need that key's consent too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def policy() -> dict[str, Any]:
    """Return the policy as IAM wants it."""
    document: dict[str, Any] = json.loads(text())
    return document


def text() -> str:
    """Return the policy as text, to be pasted into IAM."""
    return Path(__file__).with_name("policy.json").read_text(encoding="utf-8")


def actions() -> frozenset[str]:
    """Return all actions that the policy allows: `{"ec2:RunInstances", ...}`."""
    statements = policy()["Statement"]
    return frozenset(action for statement in statements for action in _listed(statement["Action"]))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
