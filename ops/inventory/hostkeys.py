"""The text of known_hosts: one pinned host key a line, sorted by key name."""

from __future__ import annotations


def pinned(text: str, key_name: str) -> str | None:
    """Return the public key (`TYPE BASE64`) pinned for `key_name`, None when there is none."""
    return _keys(text).get(key_name)


def with_pin(text: str, key_name: str, public_key: str | None) -> str:
    """Return `text` with `public_key` as the only key of `key_name`; None takes it away."""
    keys = _keys(text)
    keys.pop(key_name, None)
    if public_key is not None:
        keys[key_name] = " ".join(public_key.split()[:2])
    return "".join(f"{name} {key}\n" for name, key in sorted(keys.items()))


def _keys(text: str) -> dict[str, str]:
    parts = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {words[0]: " ".join(words[1:3]) for words in parts if len(words) >= 3}
