from ops.cloud import instances, tags
from ops.cloud.session import Cloud


def test_tags_come_back_as_they_went() -> None:
    given = {"ops:component": "wiki", "Name": "wiki main", "empty": ""}
    assert tags.mapped(tags.listed(given)) == given


def test_no_tags_are_an_empty_mapping() -> None:
    assert tags.mapped(None) == {}


def test_wanted_tags_become_filters() -> None:
    wanted = {"ops:component": "wiki", "ops:slot": ["main", "spare"], "ops:volume": tags.ANY}
    assert tags.filters(wanted) == [
        {"Name": "tag:ops:component", "Values": ["wiki"]},
        {"Name": "tag:ops:slot", "Values": ["main", "spare"]},
        {"Name": "tag-key", "Values": ["ops:volume"]},
    ]


def test_kinds_without_tags_are_not_specified() -> None:
    assert tags.specified(["volume"], {}) == []


def test_tags_are_put_on_what_exists(cloud: Cloud, instance: instances.Instance) -> None:
    tags.put(cloud, [instance.id], {"ops:run": "r1"})
    found = instances.find(cloud, {"ops:run": "r1"})
    assert [one.id for one in found] == [instance.id]
    assert instance.tags.items() <= dict(found[0].tags).items()
