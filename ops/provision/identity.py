"""A host's identity: a throw-away key in its user data, then one that it makes itself.

What an instance was started with is kept under var/tokens/ (mode 0600) before EC2 is asked, so
that a run after a crash asks with the same bytes and knows the key that the host will show. It
is forgotten when the host's own key is pinned.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ops.errors import OpsError
from ops.inventory import files
from ops.known_hosts import PublicKey
from ops.pages.render import render
from ops.provision.desired import Desired
from ops.remote.command import Command, script

TEMPLATE = "provision/user-data.yaml.j2"

MOST = 16384
"""Bytes of user data that EC2 takes (EC2 user guide, "Instance user data")."""

_ED25519 = 51
"""Bytes of an Ed25519 public key: two lengths of 4, the 11 of its name, the 32 of the key."""


@dataclass(frozen=True)
class Throwaway:
    """What one generation of a slot is started with, and the host keys it may show.

    `successor` is the key that the host has made for itself, known before it is put to use.
    `packed` is the user data as gzip in base64 where the text is longer than EC2 takes: kept,
    as another zlib might pack it otherwise, and EC2 wants the same bytes under the same token.
    """

    user_data: str = field(repr=False)
    public_key: str
    successor: str = ""
    packed: str = field(default="", repr=False)

    @property
    def sent(self) -> bytes:
        """Return the user data as EC2 is given it."""
        return base64.b64decode(self.packed) if self.packed else self.user_data.encode()

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the host keys that the first connection may meet."""
        return (self.public_key, *([self.successor] if self.successor else ()))


class Tokens:
    """The throw-away identities of one component's slot, in the folder var/tokens."""

    def __init__(self, var: Path, component: str, slot: str) -> None:
        self._folder = var / "tokens"
        self._stem = f"{component}.{slot}"

    def generations(self) -> frozenset[int]:
        """Return the generations whose first connection is not over."""
        found = self._folder.glob(f"{self._stem}.*.json")
        numbers = (path.name.removeprefix(f"{self._stem}.").removesuffix(".json") for path in found)
        return frozenset(int(number) for number in numbers if number.isdigit())

    def read(self, generation: int) -> Throwaway | None:
        """Return what is kept of a generation, None when there is nothing."""
        path = self._path(generation)
        return Throwaway(**json.loads(path.read_text())) if path.exists() else None

    def keep(self, generation: int, throwaway: Throwaway) -> None:
        """Keep it, durably, before anybody is asked for anything."""
        files.make_folder(self._folder, 0o700)
        files.write(self._path(generation), json.dumps(asdict(throwaway)).encode(), 0o600)

    def forget(self, generation: int) -> None:
        """Forget this generation and those before it; what is forgotten by half is still kept."""
        for older in self.generations():
            if older <= generation:
                files.remove(self._known_hosts(older))
                files.remove(self._path(older))

    def known_hosts(self, generation: int, host: str, keys: Sequence[str]) -> Path:
        """Return a known_hosts file, written now, in which `host` has these keys."""
        path = self._known_hosts(generation)
        lines = [f"{host} {key}\n" for key in keys]
        files.write(path, "".join(lines).encode(), 0o600)
        return path

    def _path(self, generation: int) -> Path:
        return self._folder / f"{self._stem}.{generation}.json"

    def _known_hosts(self, generation: int) -> Path:
        return self._folder / f"{self._stem}.{generation}.known_hosts"


def make(desired: Desired, folders: Sequence[Path]) -> Throwaway:
    """Return a new throw-away key and the user data that brings it to the host.

    What is longer than EC2 takes is packed; cloud-init unpacks it. Raise OpsError when the
    template fails, or makes more than EC2 takes all the same.
    """
    private, public = _keypair()
    user_data = render(
        TEMPLATE,
        folders,
        name=desired.name,
        user=desired.login.user,
        sudo=desired.login.sudo,
        authorized_key=desired.login.public_key.strip(),
        host_key=private,
        host_public_key=public,
    )
    return Throwaway(user_data, public, packed=_packed(user_data.encode()))


def witness(console: str, expected: Sequence[str]) -> bool | None:
    """Return whether the console shows one of the expected host keys, None when it shows none.

    cloud-init writes the keys there at the first boot, between lines that say so. A console
    that is being written ends anywhere, and others write on it too: only whole keys count.
    """
    _, _, after = console.partition("BEGIN SSH HOST KEY KEYS")
    block, _, _ = after.partition("END SSH HOST KEY KEYS")
    shown = [key for key in re.findall(r"ssh-ed25519 [A-Za-z0-9+/]+=*", block) if _is_whole(key)]
    return any(key in expected for key in shown) if shown else None


def _is_whole(key: str) -> bool:
    """Return whether an Ed25519 key has all of its 51 bytes (RFC 8709, section 4)."""
    try:
        return len(base64.b64decode(key.partition(" ")[2], validate=True)) == _ED25519
    except ValueError:
        return False


def _packed(user_data: bytes) -> str:
    """Return user data as gzip in base64, "" when it need not be packed. Raise OpsError."""
    if len(user_data) <= MOST:
        return ""
    packed = gzip.compress(user_data, mtime=0)
    if len(packed) > MOST:
        raise OpsError(
            f"{TEMPLATE}: {len(packed)} bytes of user data, packed, and EC2 takes {MOST}",
            "Shorten the template: what is no part of the first boot belongs into files.",
        )
    return base64.b64encode(packed).decode()


HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
"""Where cloud-init puts the throw-away key, and the host's own key after it."""

ANOTHER = 7
"""Exit code of a host whose sshd has its key elsewhere: nothing was changed there."""

_NEW = r"""
set -eu
umask 077
key=$1 comment=$2 throwaway=$3 successor=$4
new=$(dirname "$key")/.ops-host-key
shown=$(ssh-keygen -y -f "$key" 2>/dev/null | cut -d ' ' -f 1,2) || :
if [ -n "$successor" ] && [ "$shown" = "$successor" ]; then
  echo "$successor"
  exit
fi
[ "$shown" = "$throwaway" ] || exit 7
if [ ! -s "$new" ] || [ ! -s "$new.pub" ]; then
  rm -f "$new" "$new.pub"
  ssh-keygen -q -t ed25519 -N '' -C "$comment" -f "$new"
  sync "$new" "$new.pub"
fi
ssh-keygen -y -f "$new" | cut -d ' ' -f 1,2
"""

_SWITCH = r"""
set -eu
key=$1
new=$(dirname "$key")/.ops-host-key
[ ! -e "$new" ] || mv -f "$new" "$key"
if [ -e "$new.pub" ]; then chmod 644 "$new.pub"; mv -f "$new.pub" "$key.pub"; fi
sync "$(dirname "$key")"
$(command -v sshd || echo /usr/sbin/sshd) -t
systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null ||
  kill -HUP "$(cat /run/sshd.pid)"
"""


def new_key(desired: Desired, kept: Throwaway, path: str = HOST_KEY) -> Command:
    """Return the command that makes the host's own key beside the one in use; prints it.

    Again: the same key. When it is in use already, nothing is made. It exits 7, with nothing
    changed, when the key in use is neither the throw-away nor its successor.
    """
    return script(_NEW, path, desired.host, kept.public_key, kept.successor, root=True)


def switch_key(path: str = HOST_KEY) -> Command:
    """Return the command that puts the host's own key to use; done already is no error."""
    return script(_SWITCH, path, root=True)


def parse_key(output: bytes) -> str:
    """Return the public key that `new_key` printed. Raise OpsError when it is none."""
    return str(PublicKey.parse(output.decode("ascii", "replace")))


def _keypair() -> tuple[str, str]:
    """Return a new ed25519 key, private and public, that never was a file: a kill leaves none."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    return private.decode(), public.decode()
