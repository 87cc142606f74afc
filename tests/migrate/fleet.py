"""A small inventory with one component, both of whose hosts are sshds on loopback."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.inventory import creation, machine, recovery
from ops.inventory.repository import Repository
from ops.inventory.schema import State
from ops.pages.render import SUITE
from tests.support.sshd import Sshd

_SITE = """\
controller: {{name: here.example.org, machine_id: "", epoch: 1}}
ssh:
  campus: {{user: {user}, become: none, identity: "file:var/keys/login"}}
  cloud: {{user: {user}, become: none, port: {cloud_port}, identity: "file:var/keys/login"}}
cloud:
  region: us-east-1
  zones: [us-east-1a]
  credentials: {{profile: none}}
  image: ami-0123456789abcdef0
  public_key: file:var/keys/login.pub
signing: {{key: "file:var/keys/signing", principal: ops@here.example.org}}
"""
_WIKI = """\
description: A wiki
owner: wiki-team
source:
  hosts:
    main: {{address: 127.0.0.1, port: {campus_port}}}
target:
  instances:
    main: {{type: t3.small, zone: us-east-1a}}
data:
  pages:
    kind: files
    source: {{root: "{root}/source"}}
    target: {{root: "{root}/target/pages"}}
    exclude: ["*.tmp"]
"""


@dataclass
class Fleet:
    """The inventory, both servers, and the folders of the data set."""

    repo: Repository
    campus: Sshd
    cloud: Sshd
    source: Path
    target: Path
    home: Path

    @property
    def keys(self) -> str:
        """Return the target's authorized_keys."""
        return (self.home / ".ssh/authorized_keys").read_text()

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment that selects this inventory."""
        return {**os.environ, "OPS_INVENTORY": str(self.repo.path)}

    def declare_port(self) -> None:
        """Declare where the campus's server listens now: started anew, it may be another port."""
        wiki = self.repo.path / "components/wiki.yaml"
        there = f"address: 127.0.0.1, port: {self.campus.port}"
        wiki.write_text(re.sub(r"address: 127\.0\.0\.1, port: \d+", there, wiki.read_text()))
        self.repo.git.commit(["components/wiki.yaml"], "Declare the port", machine.suite())


@contextmanager
def fleet(folder: Path, more: str = "") -> Iterator[Fleet]:
    """Yield a provisioned fleet; `more` is appended to the component's file."""
    with ExitStack() as stack:
        home, source = folder / "home", folder / "source"
        for made in (home / ".ssh", source, folder / "target", folder / "sample/components"):
            made.mkdir(parents=True)
        campus = stack.enter_context(Sshd(folder / "campus"))
        settings = f"AuthorizedKeysFile {home}/.ssh/authorized_keys\nSetEnv HOME={home}"
        cloud = stack.enter_context(Sshd(folder / "cloud", settings))
        facts = {"user": cloud.user, "cloud_port": cloud.port, "campus_port": campus.port}
        (folder / "sample/site.yaml").write_text(_SITE.format(**facts))
        wiki = _WIKI.format(root=folder, **facts) + more
        (folder / "sample/components/wiki.yaml").write_text(wiki)
        repo = creation.create(folder / "sample", folder / "inventory", SUITE.parent)
        public = (repo.var / "keys/login.pub").read_text()
        for file in (home / ".ssh/authorized_keys", campus.folder / "authorized_keys"):
            file.write_text(public)
        repo.pin("wiki.campus.main", campus.host_key)
        repo.pin("wiki.cloud.main", cloud.host_key)
        _provisioned(repo)
        yield Fleet(repo, campus, cloud, source, folder / "target/pages", home)


def _provisioned(repo: Repository) -> None:
    told = {
        "id": "i-0123",
        "type": "t3.small",
        "zone": "us-east-1a",
        "image": "ami-0123",
        "group": "sg-0123",
        "private_address": "127.0.0.1",
        "public_address": "127.0.0.1",
        "ready": True,
    }
    state = State.model_validate({"phase": "provisioned", "instances": {"main": told}})
    (repo.path / "state").mkdir()
    (repo.path / "state/wiki.yaml").write_text(recovery.state_text(state))
    repo.git.commit(["state/wiki.yaml", "known_hosts"], "Provision wiki", machine.suite())
