"""The campus documents, before they are written."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from pathlib import Path

from ops.lab import content, planting
from ops.lab.content import Entry, data, documents


def digest(seed: int) -> str:
    found = hashlib.sha256()
    for entry in documents(seed, 300, 2):
        found.update(repr(entry).encode())
        for block in data(entry):
            found.update(block)
    return found.hexdigest()


def names(entries: list[Entry]) -> set[bytes]:
    return {entry.path.rpartition(b"/")[2] for entry in entries}


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert digest(1) == digest(1) != digest(2)


def test_every_hostile_name_is_there_however_few_the_files() -> None:
    assert names(list(documents(1, 1, 1))) >= set(content.HOSTILE)


def test_hostile_names_hold_what_breaks_naive_tools() -> None:
    joined = b"".join(content.HOSTILE)
    for character in b" '\"\n\r\t\\*?[$`;#~%:":
        assert character in joined
    assert any(name.startswith(b"-") for name in content.HOSTILE)
    assert any(b"\xff" in name for name in content.HOSTILE)
    assert any(len(name) == 255 for name in content.HOSTILE)


def test_the_count_is_that_of_files() -> None:
    kinds = Counter(entry.kind for entry in documents(1, 2000, 8))
    assert kinds["file"] == 2000
    assert min(kinds["folder"], kinds["symlink"], kinds["hardlink"]) > 1


def test_the_largest_is_as_large_as_wanted_and_most_are_small() -> None:
    sizes = sorted(entry.size for entry in documents(1, 2000, 8) if entry.kind == "file")
    assert 7 * content.MIB < sizes[-1] <= 8 * content.MIB
    assert sizes[1000] < 10_000


def test_folders_and_targets_come_before_what_needs_them() -> None:
    seen: set[bytes] = set()
    for entry in documents(3, 500, 2):
        if entry.kind == "hardlink":
            assert entry.target in seen
        assert entry.kind == "folder" or entry.path.rpartition(b"/")[0] in seen
        seen.add(entry.path)


def test_files_have_their_size_and_differ() -> None:
    files = [e for e in documents(1, 400, 3) if e.size > 40]
    contents = {entry.path: b"".join(data(entry)) for entry in files}
    assert all(len(contents[entry.path]) == entry.size for entry in files)
    assert len(set(contents.values())) == len(files)


def test_the_blocks_of_a_large_file_differ() -> None:
    blocks = list(data(Entry(b"x", "file", 5 * content.MIB + 3, key=7)))
    assert len(set(blocks)) == 6


def test_what_is_written_is_what_was_meant() -> None:
    entries = [entry for entry in documents(5, 200, 1) if entry.mode & 0o400]
    with tempfile.TemporaryDirectory() as folder:
        planted = planting.plant(Path(folder), entries, owners=False)
        assert planted.files == sum(entry.kind == "file" for entry in entries)
        odd = Path(folder) / "odd"
        assert (odd / "second name").stat().st_nlink == 3
        assert (odd / "dangling").is_symlink() and not (odd / "dangling").exists()
        assert (odd / "before 1970").stat().st_mtime == -86400
        assert (odd / "mode 4755").stat().st_mode & 0o7777 == 0o4755
        assert list((odd / "empty folder").iterdir()) == []
