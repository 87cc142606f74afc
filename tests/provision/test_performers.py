"""Steps and performers belong to each other."""

from __future__ import annotations

from typing import Any, cast

from ops.provision.performers import Performers
from tests.provision.world import World


def test_every_kind_of_step_has_one_performer_and_a_stand_in() -> None:
    performers = Performers(cast("Any", None), cast("Any", None)).by_kind()
    known = {name.removeprefix("_do_") for name in dir(World) if name.startswith("_do_")}
    assert {kind.replace(".", "_") for kind in performers} == known
