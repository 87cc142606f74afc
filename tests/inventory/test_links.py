"""References to what lies outside a component's file."""

from __future__ import annotations

import pytest

from ops.inventory import links
from ops.inventory.problems import Broken
from ops.inventory.repository import Repository
from tests.support.inventories import edit


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[directory, balancer]", "[directory, balancr]", "nothing is called balancr; did you"),
        ("gateway: campus-gate", "gateway: gate", "nothing is called gate; "),
        ("zone: us-east-1a", "zone: us-east-1d", "nothing is called us-east-1d; did you mean us-"),
        ("wiki/local.php", "wiki/lokal.php", "there is no file wiki/lokal.php in "),
        ("wiki/pause-indexer", "wiki/pause", "there is no file wiki/pause in "),
        ('"*.swp"', '"[a"', "[a: [ without its ]"),
        ("restarts: [apache2]", "restarts: [apache]", "nothing is called apache; did you mean ap"),
    ],
)
def test_a_reference_to_nothing_is_told_with_its_place(
    repo: Repository, old: str, new: str, words: str
) -> None:
    edit(repo, "components/wiki.yaml", old, new)
    with pytest.raises(Broken) as caught:
        repo.component("wiki")
    assert words in str(caught.value.problems[0])
    assert caught.value.problems[0].line > 1


@pytest.mark.parametrize("archived", [False, True])
def test_a_check_that_does_not_exist_is_told(repo: Repository, *, archived: bool) -> None:
    path = repo.path / "components/wiki.yaml"
    before, between, after = path.read_text().split("- script: wiki/count-pages")
    lines = ["- script: wiki/count-pages", "- script: wiki/count-pigs"]
    first, second = lines if archived else reversed(lines)
    path.write_text(before + first + between + second + after)
    with pytest.raises(Broken, match="there is no file wiki/count-pigs"):
        repo.component("wiki")


_TWICE = """
data:
  pages:
    kind: files
    source: {root: /var/lib/dokuwiki}
    target: {root: /srv/wiki/dokuwiki/pages}
  more:
    kind: files
    source: {root: /var/lib/more}
    target: {root: /srv/wiki/dokuwiki}
"""


def test_two_data_sets_may_not_share_a_root_but_one_may_lie_in_the_other(
    repo: Repository,
) -> None:
    edit(repo, "components/wiki.yaml", "\ndata:\n", _TWICE)
    with pytest.raises(Broken, match="/srv/wiki/dokuwiki is the root of more already") as caught:
        repo.component("wiki")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("depends", "circle"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, ()),
        ({"a": ["b"], "b": ["c"], "c": ["b"]}, ("b", "c", "b")),
        ({"a": ["a"]}, ("a", "a")),
        ({"a": ["nowhere"]}, ()),
    ],
)
def test_a_circle_of_components_is_found(
    depends: dict[str, list[str]], circle: tuple[str, ...]
) -> None:
    assert links.circle(depends) == circle
