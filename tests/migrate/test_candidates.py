"""Which components can be moved, in which order."""

import pytest

from ops.inventory.schema import Component, State
from ops.migrate.candidates import candidates, hindrance, in_order, undeclared, unready

DATA = {"pages": {"kind": "files", "source": {"root": "/a"}, "target": {"root": "/a"}}}
SOURCE = {"hosts": {"main": {"address": "wiki.example.org"}}}
TARGET = {"instances": {"main": {"type": "t3.small", "zone": "us-east-1a"}}}
READY = {
    "instances": {
        "main": {
            "id": "i-1",
            "type": "t3.small",
            "zone": "us-east-1a",
            "image": "ami-1",
            "group": "sg-1",
            "private_address": "10.0.0.1",
            "ready": True,
        }
    }
}


def _component(**more: object) -> Component:
    told = {"description": "x", "owner": "x", "source": SOURCE, "target": TARGET, "data": DATA}
    return Component.model_validate(told | more)


def _state(**more: object) -> State:
    return State.model_validate(READY | more)


def test_needed_components_come_first() -> None:
    components = {
        "a": _component(depends=["z"]),
        "m": _component(),
        "z": _component(depends=["m"]),
    }
    states = dict.fromkeys(components, _state())
    assert candidates(components, states) == (["m", "z", "a"], {})


def test_a_circle_leaves_nobody_out() -> None:
    components = {"a": _component(depends=["b"]), "b": _component(depends=["a"])}
    assert sorted(in_order(components)) == ["a", "b"]


def test_who_is_left_out_has_a_reason() -> None:
    components = {"a": _component(), "b": _component(data={})}
    states = {"a": _state(instances={}), "b": _state()}
    ready, left_out = candidates(components, states)
    assert ready == []
    assert left_out == {"a": "is not provisioned (main)", "b": "has no data sets"}


@pytest.mark.parametrize("phase", ["switched", "retired"])
def test_a_switched_component_is_not_moved_over(phase: str) -> None:
    assert phase in hindrance(_component(), _state(phase=phase))


def test_databases_count_as_data() -> None:
    hook = {"script": "dump.sh"}
    database = {"kind": "database", "engine": "mariadb", "database": "x", "dump": hook,
                "load": hook, "digest": hook}  # fmt: skip
    assert hindrance(_component(data={"db": database}), _state()) == ""


def test_what_is_not_declared_is_told_apart_from_what_is_not_so_yet() -> None:
    assert undeclared(_component(target=None)) == "has no target"
    assert unready(_component(), _state(instances={})) == "is not provisioned (main)"
