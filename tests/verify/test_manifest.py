"""Manifests: what is written where some files were not read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ops.verify import manifest, md5list, mtree
from ops.verify.scan import Scan
from tests.verify import trees


@pytest.mark.parametrize("block", [1, 3, 4096])
def test_files_without_checksum_are_not_listed(
    tmp_path: Path, scanned: Callable[..., Scan], monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(manifest, "BLOCK", block)
    trees.plant_all(tmp_path / "tree")
    found = scanned(tmp_path / "tree")
    listed = tmp_path / "tree.md5"
    whole, entries = listed.read_bytes(), manifest.beside(listed, ".mtree").read_bytes()
    sums = trees.walk(tmp_path / "tree")
    for left_out in (set(), set(sums), set(list(sums)[::3]), {min(sums)}, {max(sums)}):
        digests = [
            None if path in left_out else digest
            for path, digest in zip(found.look.paths, found.digests, strict=True)
        ]
        manifest.write(listed, found.draft, digests)
        expected = [md5list.line(d, p) for p, d in sorted(sums.items()) if p not in left_out]
        assert listed.read_bytes() == b"".join(expected)
        lines = manifest.beside(listed, ".mtree").read_bytes().split(b"\n")[1:-1]
        told = {entry.path: entry for entry in map(mtree.parse, lines)}
        assert {path for path, entry in told.items() if entry.unread} == left_out
        assert len(told) == len(found.look)
    manifest.write(listed, found.draft, found.digests)
    assert (listed.read_bytes(), manifest.beside(listed, ".mtree").read_bytes()) == (whole, entries)
