"""A folder is not moved into itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import Refused
from ops.inventory.schema import FileSet
from ops.migrate.engine.nesting import check, nested
from tests.migrate.conftest import Pair


def _check(pair: Pair, source: Path, target: Path) -> None:
    places = {"source": {"root": str(source)}, "target": {"root": str(target)}}
    check(pair.ends, FileSet.model_validate({"kind": "files", **places}))


def test_two_folders_on_one_machine_are_fine(pair: Pair) -> None:
    _check(pair, pair.source, pair.target)
    _check(pair, pair.source, pair.target / "new" / "and newer")


@pytest.mark.parametrize("inside", ["sub", "sub/that is/not there"])
def test_a_target_inside_the_source_is_refused(pair: Pair, inside: str) -> None:
    (pair.source / "sub").mkdir()
    with pytest.raises(Refused, match="the target lies in the source"):
        _check(pair, pair.source, pair.source / inside)


def test_the_same_folder_by_another_name_is_refused(pair: Pair) -> None:
    pair.target.rmdir()
    pair.target.symlink_to(pair.source)
    with pytest.raises(Refused, match="both are the same folder"):
        _check(pair, pair.source, pair.target)


def test_a_source_inside_the_target_is_refused(pair: Pair) -> None:
    (pair.target / "sub").mkdir()
    with pytest.raises(Refused, match="the source lies in the target"):
        _check(pair, pair.target / "sub", pair.target)


def test_equal_numbers_on_other_machines_mean_nothing() -> None:
    assert nested(["boot 1", "here", "1:2"], ["boot 2", "here", "1:2"]) == ""
    assert nested(["boot 1", "here", "1:2"], ["boot 1", "here", "1:3", "1:2"])
