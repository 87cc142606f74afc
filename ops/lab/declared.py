"""The lab's inventory as data: site.yaml, and two components that point at the lab's hosts.

A full lab has a scratch host too, where restores are proven.

Pure. What makes it a lab is here and nowhere else: an endpoint, addresses, an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.lab import wiki
from ops.lab.record import Lab, Ready

Data = dict[str, Any]

GIB = 1 << 30

KEY = "AKIAIOSFODNN7EXAMPLE"
"""An access key that the lab's AWS takes (AWS's own example, no secret)."""

BACKUP: Data = {
    "level": "filesystem",
    "schedule": "15 2 * * *",
    "keep": {"last": 2, "daily": 7, "weekly": 4, "monthly": 12},
    "objective": "26h",
    "drill": "30d",
}


@dataclass(frozen=True)
class Login:
    """How the suite logs in to the lab's hosts."""

    campus: str
    cloud: str
    become: str


def site(lab: Lab, ready: Ready, image: str) -> Data:
    """Return site.yaml; whoever makes the repository fills in the controller and the signing."""
    login = _login(lab)
    scratch: Data = {"scratch": {"component": "scratch"}} if lab.kind == "full" else {}
    keys = {"become": login.become, "port": ready.port, "identity": "file:var/keys/login"}
    return {
        "controller": {"name": "localhost", "machine_id": "", "epoch": 1},
        "ssh": {
            "campus": {"user": login.campus, **keys},
            "cloud": {"user": login.cloud, **keys},
            "connect_timeout": 10,
        },
        "cloud": {
            "region": "us-east-1",
            "zones": ["us-east-1a", "us-east-1b"],
            "endpoint": ready.endpoint,
            "credentials": {
                "access_key": "file:var/keys/aws-access",
                "secret_key": "file:var/keys/aws-secret",
            },
            "image": image,
            "public_key": "file:var/keys/login.pub",
            "address": "private",
        },
        **scratch,
        "signing": {"key": "file:var/keys/signing", "principal": "ops@localhost"},
    }


def components(lab: Lab, ready: Ready) -> dict[str, Data]:
    """Return the components by name: wiki, documents, and in a full lab the scratch host."""
    parts = {
        "wiki": _wiki(lab, ready),
        "documents": _documents(lab, ready),
    }
    moving = {name: _common(name, ready) | part for name, part in parts.items()}
    return moving | ({"scratch": _scratch()} if lab.kind == "full" else {})


def templates(lab: Lab) -> dict[str, Path]:
    """Return the files of the inventory's templates/ by name."""
    here = Path(__file__).parent
    if lab.kind == "light":
        return {}
    return {
        "wiki/nginx.conf": here / "nginx-wiki.conf",
        "wiki/local.php": here / "dokuwiki-local.php",
    }


def cloud_folder(lab: Lab, name: str) -> Path:
    """Return the data folder of a component's EC2 host in a light lab."""
    return lab.path / "cloud" / f"{name}-main" / "data"


def campus_folder(lab: Lab, name: str) -> Path:
    """Return the data folder of a component's campus host in a light lab."""
    return lab.path / "hosts" / name / "data"


def _common(name: str, ready: Ready) -> Data:
    host = ready.hosts[name]
    return {
        "description": "",
        "owner": "",
        "source": {"hosts": {"main": {"address": host.address}}},
        "backup": BACKUP,
        "readiness": [
            {"item": "all files verified", "responsible": "operations", "evidence": "verification"},
            {"item": "a restore was proven", "responsible": "operations", "evidence": "drill"},
        ],
    }


def _wiki(lab: Lab, ready: Ready) -> Data:
    told: Data = {"description": "Team wiki (DokuWiki)", "owner": "documentation lead"}
    if lab.kind == "light":
        return told | _light(lab, ready, "wiki", exclude=_passing())
    volume = "/srv/wiki"
    source: Data = {
        "hosts": {"main": {"address": ready.hosts["wiki"].address}},
        "application": [str(Path(wiki.ROOT).parent), "/etc/dokuwiki"],
    }
    target: Data = {
        "instances": {
            "main": _instance(_volume(1, volume), [(80, "the wiki's readers"), (22, "operations")])
        },
        "packages": ["nginx", "php-fpm", "php-xml", "dokuwiki"],
        "files": [
            {"path": wiki.NGINX_SITE, "template": "wiki/nginx.conf", "restarts": ["nginx"]},
            {"path": "/etc/dokuwiki/local.php", "template": "wiki/local.php"},
        ],
        "services": [{"name": f"php{ready.php}-fpm"}, {"name": "nginx"}],
    }
    pages = _data(wiki.ROOT, f"{volume}/data", volume)
    accounts = _data(wiki.ACCOUNTS, f"{volume}/acl", volume)
    page: Data = {"name": "page", "kind": "http", "port": 80, "path": "/doku.php?id=start"}
    page |= {"expect": wiki.START_WORDS, "words": "No page comes: look at nginx and PHP."}
    return {
        **told,
        "source": source,
        "target": target,
        "data": {"pages": pages | {"exclude": _passing()}, "accounts": accounts},
        "probes": [page, {"name": "login", "kind": "ssh", "interval": "5m"}],
    }


def _documents(lab: Lab, ready: Ready) -> Data:
    told: Data = {"description": "Document store", "owner": "records officer"}
    if lab.kind == "light":
        return told | _light(lab, ready, "documents")
    size = ready.hosts["documents"].bytes * 3 // 2 // GIB + 2
    mount = "/srv/documents"
    target = {"instances": {"main": _instance(_volume(size, mount), [(22, "operations")])}}
    data = {"store": _data(mount, f"{mount}/store", mount)}
    return {**told, "target": target, "data": data, "probes": [{"name": "login", "kind": "ssh"}]}


def _scratch() -> Data:
    """Return the host on which nothing lives; what drills need beside the lab's image is in it."""
    return {
        "description": "Scratch host for restore drills",
        "owner": "operations",
        "target": {"instances": {"main": _instance({}, [(22, "operations")])}},
    }


def _light(lab: Lab, ready: Ready, name: str, exclude: list[str] | None = None) -> Data:
    """Return data only: no packages, files, services or volumes."""
    roots = str(campus_folder(lab, name)), str(cloud_folder(lab, name))
    data: Data = {"kind": "files", "source": {"root": roots[0]}, "target": {"root": roots[1]}}
    return {
        "target": {"instances": {"main": _instance({}, [(ready.port, "operations")])}},
        "data": {"content": data | {"exclude": exclude or []}},
    }


def _instance(volumes: Data, ports: list[tuple[int, str]]) -> Data:
    rules = [{"port": port, "from": ["198.18.0.0/15"], "words": words} for port, words in ports]
    return {"type": "m5.large", "zone": "us-east-1a", "volumes": volumes, "rules": rules}


def _volume(size_gib: int, mount: str) -> Data:
    place = {"device": "/dev/sdf", "filesystem": "xfs", "mount": mount}
    return {"data": {"size_gib": size_gib, **place}}


def _data(source: str, target: str, mount: str) -> Data:
    return {
        "kind": "files",
        "source": {"root": source},
        "target": {"root": target, "mount": mount},
    }


def _passing() -> list[str]:
    """Return the patterns of what DokuWiki makes anew; the folders themselves it needs."""
    folders = ("cache", "index", "locks", "log", "tmp")
    return [*(f"/{folder}/*" for folder in folders), "/meta/**.meta", "/meta/**.indexed"]


def _login(lab: Lab) -> Login:
    if lab.kind == "light":
        return Login(lab.user, lab.user, "none")
    return Login("ops", "ops", "sudo")
