"""The tasks of fabfile/verify.py, run as a person runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.migrate.fleet import Fleet, fleet
from tests.support.fabric_tree import FAB, PROJECT
from tests.verify import trees

PROGRESS = re.compile(r".+: .+, (-|[0-9.,]+ \S+/s)(, .+ left)?")


def _complaints(told: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what stands on standard error beside the progress that slow work tells."""
    return [line for line in told.stderr.splitlines() if not PROGRESS.fullmatch(line)]


def _fab(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [FAB, *words],
        env={**os.environ, **environ},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as made:
        trees.plant(made.source, trees.HOSTILE)
        yield made


def test_the_transfer_of_hostile_names_is_proven_and_one_byte_is_found(here: Fleet) -> None:
    inventory = here.environ["OPS_INVENTORY"]
    assert _fab("migrate.metered", "wiki", OPS_INVENTORY=inventory).returncode == 0
    same = _fab("verify.checksums", "app=wiki", OPS_INVENTORY=inventory)
    assert (same.returncode, _complaints(same)) == (0, [])
    assert f"wiki/pages: same: {len(trees.HOSTILE)} files" in same.stdout
    name = os.fsencode(here.target) + b"/back\\slash"
    with open(name, "r+b") as file:  # noqa: PTH123  the name is bytes
        file.write(b"x")
    told = _fab("verify", "wiki", OPS_INVENTORY=inventory)
    assert told.returncode == 1
    lines = [line.strip() for line in told.stdout.splitlines()]
    assert lines[0].startswith("wiki/pages: different")
    assert [line for line in lines if line.startswith("different")] == [
        r"different ./back\134slash (content)"
    ]
    assert "wiki: wiki/pages: different" in _fab("verify", OPS_INVENTORY=inventory).stdout
    data = json.loads(_fab("verify", "wiki", "json=true", OPS_INVENTORY=inventory).stdout)
    assert data["sets"]["pages"]["counts"]["different"] == 1


def test_nothing_to_verify_is_a_usage_error() -> None:
    told = _fab("verify.checksums", OPS_INVENTORY=str(PROJECT / "inventory"))
    assert told.returncode == 2
    assert "wiki: left out, has no recorded transfer" in told.stderr


def test_manifests_and_their_comparison_need_no_inventory(tmp_path: Path) -> None:
    root, out = tmp_path / "tree", tmp_path / "list"
    trees.plant(root, trees.HOSTILE)
    made = _fab("verify.manifest", f"root={root}", f"out={out}", OPS_INVENTORY=str(tmp_path))
    assert (made.returncode, _complaints(made)) == (0, [])
    assert subprocess.run(["md5sum", "--status", "-c", out], cwd=root, check=False).returncode == 0
    shutil.copy(out, tmp_path / "other")
    with (tmp_path / "other").open("ab") as file:
        file.write(b"0" * 32 + b"  ./zzz\n")
    words = (f"left={out}", f"right={tmp_path / 'other'}")
    told = _fab("verify.compare", *words, OPS_INVENTORY=str(tmp_path))
    assert told.returncode == 1
    assert told.stdout.splitlines()[1:] == ["  extra ./zzz"]


def test_a_recorded_manifest_and_comparison_can_be_checked_later(
    here: Fleet, tmp_path: Path
) -> None:
    inventory, out = here.environ["OPS_INVENTORY"], tmp_path / "li\nst"
    words = (f"root={here.source}", f"out={out}")
    assert _fab("verify.manifest", *words, OPS_INVENTORY=inventory).returncode == 0
    words = (f"left={out}", f"right={out}")
    assert _fab("verify.compare", *words, OPS_INVENTORY=inventory).returncode == 0
    made, compared = (next(here.repo.runs(task=f"verify.{t}")) for t in ("manifest", "compare"))
    told = _fab("verify.evidence", f"run={made}", OPS_INVENTORY=inventory)
    assert (told.returncode, told.stdout.count("unchanged")) == (0, 2)
    with out.open("ab") as file:
        file.write(b"more")
    told = _fab("verify.evidence", f"run={compared}", OPS_INVENTORY=inventory)
    assert told.returncode == 1
    assert f"was changed after run {compared}" in told.stderr
    out.unlink()
    assert _fab("verify.evidence", f"run={made}", OPS_INVENTORY=inventory).returncode == 4


def test_a_manifest_of_a_host_of_the_inventory_is_true_for_its_instance(
    here: Fleet, tmp_path: Path
) -> None:
    words = (f"root={here.source}", f"out={tmp_path / 'list'}", "host=wiki.cloud.main")
    assert _fab("verify.manifest", *words, **_inventory(here)).returncode == 0
    words_of_a_stranger = ["md5sum", "--status", "-c", str(tmp_path / "list")]
    assert subprocess.run(words_of_a_stranger, cwd=here.source, check=False).returncode == 0
    assert (
        b"\0wiki.cloud.main %b i-0123\0" % os.fsencode(here.source)
        in (tmp_path / "list.look").read_bytes()
    )
    told = _fab("verify.manifest", "root=srv", *words[1:], **_inventory(here))
    assert (told.returncode, "no absolute path" in told.stderr) == (2, True)


def test_the_plan_the_scrub_and_a_full_verification_through_the_command(here: Fleet) -> None:
    told = _fab("verify.checksums", "wiki", "plan=true", **_inventory(here))
    assert (told.returncode, f"source {here.source} on main" in told.stdout) == (0, True)
    full = _fab("verify.checksums", "wiki", "full=true", "json=true", **_inventory(here))
    assert json.loads(full.stdout)["sets"]["pages"]["files"] > 0
    scrubbed = _fab("verify.scrub", "wiki", "json=true", **_inventory(here))
    assert scrubbed.returncode == 0
    assert json.loads(scrubbed.stdout)["verdict"] == "done"


def test_what_changes_while_it_is_read_is_incomplete(here: Fleet, tmp_path: Path) -> None:
    program = tmp_path / "md5sum"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *./*) touch ./plain;; esac; exec /usr/bin/md5sum "$@"'
    )
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    words = (f"root={here.source}", f"out={tmp_path / 'list'}")
    told = _fab("verify.manifest", *words, PATH=path, OPS_INVENTORY=str(tmp_path))
    assert (told.returncode, "changed ./plain" in told.stdout) == (4, True)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of 64 kB."""
    disk = tmp_path / "small"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "small", str(disk)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("mounts need root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_full_disk_under_the_manifest_is_told_and_the_old_one_stays(
    small: Path, tmp_path: Path
) -> None:
    root, out = tmp_path / "tree", small / "list"
    trees.plant(root, {b"a": b"a"})
    words = ("verify.manifest", f"root={root}", f"out={out}")
    assert _fab(*words, OPS_INVENTORY=str(tmp_path)).returncode == 0
    before = out.read_bytes()
    trees.plant(root, {b"%0200d" % number: b"" for number in range(300)})
    told = _fab(*words, OPS_INVENTORY=str(tmp_path))
    assert (told.returncode, out.read_bytes()) == (4, before)
    assert "No space left on device" in told.stderr
    assert "Traceback" not in told.stderr


def _inventory(here: Fleet) -> dict[str, str]:
    return {"OPS_INVENTORY": here.environ["OPS_INVENTORY"]}


def test_a_manifest_that_is_not_there_is_told(tmp_path: Path) -> None:
    told = _fab("verify.compare", f"left={tmp_path}/a", f"right={tmp_path}/b")
    assert told.returncode == 1
    assert f"there is no manifest {tmp_path}/a" in told.stderr
