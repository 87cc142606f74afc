"""For which components a task runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fabric_tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree.grow(tmp_path)


def test_without_a_name_every_ready_component_is_taken_in_order(tree: Tree) -> None:
    done = tree.fab("jobs.check", READY="wiki tracker")
    assert (done.returncode, done.stdout) == (0, "checked wiki\nchecked tracker\n")
    assert "directory: left out, no target yet" in done.stderr


def test_none_ready_is_a_usage_error(tree: Tree) -> None:
    assert tree.fab("jobs.check").returncode == 2


def test_a_name_given_is_taken_as_it_is(tree: Tree) -> None:
    assert tree.fab("jobs.check", "wiki").stdout == "checked wiki\n"


def test_all_of_an_empty_inventory_is_a_usage_error(tree: Tree) -> None:
    done = tree.fab("jobs.fail", "app=all", OPS_INVENTORY=tree.inventory())
    assert (done.returncode, "no component" in done.stderr) == (2, True)


def test_without_an_inventory_all_is_refused(tree: Tree) -> None:
    assert tree.fab("jobs.fail", "app=all", OPS_INVENTORY=str(tree.folder)).returncode == 3


def test_one_digest_cannot_stand_for_several_plans(tree: Tree) -> None:
    done = tree.fab("jobs", "a,b", "expect=123", OPS_INVENTORY=tree.inventory("a", "b"))
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Name one component.")


def test_all_stands_alone(tree: Tree) -> None:
    done = tree.fab("jobs", "all,a", OPS_INVENTORY=tree.inventory("a"))
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        ["jobs.apply: app=all,a names all and more", "Say app=all alone."],
    )


@pytest.mark.parametrize(
    ("app", "told"), [((), "the fleet"), (("all",), "the fleet"), (("b,a",), "b,a"), (("a",), "a")]
)
def test_a_task_for_all_together_runs_once(tree: Tree, app: tuple[str, ...], told: str) -> None:
    done = tree.fab("jobs.survey", *app, OPS_INVENTORY=tree.inventory("a", "b"))
    assert (done.returncode, done.stdout) == (0, f"looked at {told}\n")


def test_together_an_unknown_component_is_a_usage_error(tree: Tree) -> None:
    done = tree.fab("jobs.survey", "aa", OPS_INVENTORY=tree.inventory("a", "b"))
    assert (done.returncode, "no component aa" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("app", "code"),
    [("good,bad,fine,bad-too", 4), ("bad,bad-too", 1), ("bad", 1), ("good,fine", 0)],
)
def test_some_that_failed_beside_some_that_were_done_are_incomplete(
    tree: Tree, app: str, code: int
) -> None:
    names = ("good", "fine", "bad", "bad-too")
    done = tree.fab("jobs.build", app, OPS_INVENTORY=tree.inventory(*names))
    assert done.returncode == code
    assert all(f"built {name}" in done.stdout for name in app.split(",") if "bad" not in name)
    assert done.stderr.count("reads ahead") == (1 if "," in app else 0)


@pytest.mark.parametrize(("app", "told"), [("refused", "refused"), ("system", "/nowhere")])
def test_with_json_an_error_is_the_document(tree: Tree, app: str, told: str) -> None:
    done = tree.fab("jobs.fail", app, "json=true")
    assert told in json.loads(done.stdout)["error"] and told in done.stderr
