"""Progress, as the meter's samples tell it to a bar."""

from __future__ import annotations

from contextlib import nullcontext

from ops.migrate.engine.samples import Sample
from ops.migrate.shown import Shown


class _Heard:
    """A bar that keeps what it hears."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def begin(self, phase: str, total_bytes: int | None, total_files: int | None) -> None:
        self.told.append((phase, total_bytes, total_files))

    def at(self, bytes: int, files: int = 0) -> None:
        self.told.append((bytes, files))


def test_a_bar_hears_each_phase_and_what_is_to_come_once() -> None:
    heard = _Heard()
    shown = Shown(lambda _: nullcontext(heard))
    shown.tell(Sample(0, "pages", "transfer", 9, 9))
    with shown.on("wiki/pages"):
        shown.tell(Sample(1, "pages", "connect"))
        for second, phase in enumerate(("transfer", "transfer", "verify")):
            shown.tell(Sample(second, "pages", phase, second, 10, total_bytes=20, total_files=2))
    assert heard.told == [
        ("transfer", 20, 2), (10, 0), (10, 1), ("verify", 20, 2), (10, 2),
    ]  # fmt: skip
