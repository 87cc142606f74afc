"""Which keys may stand where."""

from __future__ import annotations

from ops.inventory import shape
from ops.inventory.schema import Component, DatabaseSet, FileSet, Keep, Rule


def test_keys_are_those_of_yaml() -> None:
    assert "from" in shape.keys(Rule) and "sources" not in shape.keys(Rule)


def test_models_are_found_through_lists_mappings_and_choices() -> None:
    assert shape.models_at(Component, ["backup", "keep"]) == [Keep]
    assert shape.models_at(Component, ["data", "pages"]) == [FileSet, DatabaseSet]
    path = ("target", "instances", "main", "rules", 0)
    assert shape.models_at(Component, path) == [Rule]


def test_the_tag_of_a_choice_leads_nowhere() -> None:
    found = shape.models_at(Component, ["data", "pages", "files", "source"])
    assert [model.__name__ for model in found] == ["Place"]
