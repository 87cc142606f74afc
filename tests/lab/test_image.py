"""The image of the lab's hosts."""

from __future__ import annotations

import pytest

from ops.lab import image


def test_a_change_of_the_recipe_makes_a_new_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = image.recipe()
    assert image.recipe() == before
    monkeypatch.setitem(image.TEXTS, "etc/hostname", "other\n")
    assert image.recipe() != before


@pytest.mark.lab
def test_it_has_no_identity_and_no_secret() -> None:
    made = image.image()
    for layer in (made.base, made.wiki):
        assert list(layer.glob("etc/ssh/ssh_host_*")) == []
    assert (made.base / "etc/machine-id").read_text() == ""
    shadow = (made.base / "etc/shadow").read_text().splitlines()
    assert all(line.split(":")[1] in ("*", "!", "!*") for line in shadow)
    assert (made.packages / "Packages").stat().st_size > 0
