"""Key pairs: the controller's public key as EC2 knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.cloud.calls import ask
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud
from ops.cloud.tags import mapped, specified


@dataclass(frozen=True)
class KeyPair:
    """A key pair, of which EC2 has the public half only."""

    name: str
    id: str
    fingerprint: str
    public_key: str
    """In OpenSSH's format, with or without a comment."""
    tags: Mapping[str, str] = field(default_factory=dict)

    def holds(self, public_key: str) -> bool:
        """Return whether this is `public_key`, comments aside."""
        return _bare(self.public_key) == _bare(public_key)


def find(cloud: Cloud, name: str) -> KeyPair | None:
    """Return the key pair of that name, or None."""
    try:
        reply = ask(
            cloud, name, cloud.ec2.describe_key_pairs, KeyNames=[name], IncludePublicKey=True
        )
    except CloudError as error:
        if error.code == "InvalidKeyPair.NotFound":
            return None
        raise
    return _key_pair(reply["KeyPairs"][0]) if reply["KeyPairs"] else None


def bring_in(cloud: Cloud, name: str, public_key: str, tags: Mapping[str, str]) -> KeyPair:
    """Import `public_key` under `name` and return it; once is enough, twice does no harm.

    Raise CloudError (InvalidKeyPair.Duplicate) when another key has the name.
    """
    try:
        ask(
            cloud,
            name,
            cloud.ec2.import_key_pair,
            KeyName=name,
            PublicKeyMaterial=public_key.encode(),
            TagSpecifications=specified(["key-pair"], tags),
        )
    except CloudError as error:
        if error.code != "InvalidKeyPair.Duplicate":
            raise
    key = find(cloud, name)
    if key is None or not key.holds(public_key):
        raise CloudError("InvalidKeyPair.Duplicate", "ImportKeyPair", name, "is another key")
    return key


def _bare(public_key: str) -> list[str]:
    return public_key.split()[:2]


def _key_pair(described: Mapping[str, Any]) -> KeyPair:
    return KeyPair(
        name=described["KeyName"],
        id=described.get("KeyPairId", ""),
        fingerprint=described.get("KeyFingerprint", ""),
        public_key=described.get("PublicKey", "").strip(),
        tags=mapped(described.get("Tags")),
    )
