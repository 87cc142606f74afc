"""The sample fleet: valid, whole, and with nobody's real names in it."""

from __future__ import annotations

import ipaddress
import re
import subprocess
from pathlib import Path

import pytest
from pydantic import BaseModel

from ops.inventory import shape
from ops.inventory.repository import Repository
from ops.inventory.schema import Component, Site
from tests.support.inventories import PROJECT, SAMPLE

TEXTS = {path: path.read_text() for path in sorted(SAMPLE.rglob("*.yaml"))}


def test_the_sample_is_valid_and_whole() -> None:
    repo = Repository(SAMPLE, PROJECT)
    assert repo.problems() == []
    fleet = ["balancer", "directory", "documents", "lists", "monitoring", "tracker", "wiki"]
    assert repo.names() == sorted([*fleet, "scratch"])


@pytest.mark.parametrize("model", [Site, Component])
def test_the_sample_shows_every_key_of_the_schema(model: type[BaseModel]) -> None:
    shown = set(re.findall(r"([a-z_]+):", "\n".join(TEXTS.values())))
    assert {key for part in _parts(model) for key in shape.keys(part)} - shown == set()


def test_addresses_and_hosts_are_examples() -> None:
    text = "\n".join(TEXTS.values())
    names = re.findall(r"\b[\w-]+\.(?:edu|org|com|net)\b", text)
    assert set(names) <= {"example.edu", "example.org"}
    nets = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "0.0.0.0/32", "127.0.0.0/8")
    for found in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text):
        assert any(ipaddress.ip_address(found) in ipaddress.ip_network(net) for net in nets), found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_file_says_what_it_is_about(path: Path) -> None:
    assert TEXTS[path].startswith("# ")


def test_hooks_are_sound_shell() -> None:
    for path in SAMPLE.glob("templates/*/*"):
        if path.read_text().startswith("#!/bin/sh"):
            subprocess.run(["sh", "-n", str(path)], check=True)
            assert path.stat().st_mode & 0o111


def _parts(model: type[BaseModel]) -> set[type[BaseModel]]:
    found, waiting = set(), [model]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            for key in shape.keys(current):
                waiting += shape.models_at(current, [key])
                waiting += shape.models_at(current, [key, 0])
                waiting += shape.models_at(current, [key, "x"])
    return found
