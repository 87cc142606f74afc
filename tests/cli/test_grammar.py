"""Words of a command line to calls, as a pure function."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.grammar import Argument, Signature, Value, read
from ops.errors import UsageError

APPLY = Signature(
    "provision.apply",
    (
        Argument("app", required=True),
        Argument("plan", "switch", default=False),
        Argument("expect", default=""),
        Argument("allow-deletes", "integer", default=0),
        Argument("size", choices=("small", "large"), default="small"),
    ),
    bare=("app",),
    app="many",
)
CHECKSUMS = Signature("verify.checksums", (Argument("app"),), bare=("app",), app="optional")
COMPARE = Signature(
    "verify.compare",
    (Argument("left", required=True), Argument("right", required=True), Argument("value")),
    bare=("left", "right"),
)
STATUS = Signature("status", (Argument("live", "switch", default=False),))
TASKS = {
    "provision": APPLY,
    "provision.apply": APPLY,
    "verify.checksums": CHECKSUMS,
    "verify.compare": COMPARE,
    "status": STATUS,
}

anything = st.text(max_size=12)
names = st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True)


def values(*words: str) -> list[dict[str, Value]]:
    return [call.values for call in read(words, TASKS)]


def refusal(*words: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(words, TASKS)
    return str(caught.value)


@given(names)
def test_four_forms_say_the_same(name: str) -> None:
    forms = ([f"app={name}"], [name], ["--app", name], [f"--app={name}"])
    assert all(values("provision", *form) == [{"app": name}] for form in forms)


@given(names, anything, st.integers(0, 10**9), st.permutations(range(4)))
def test_arguments_come_in_any_order(app: str, expect: str, count: int, order: list[int]) -> None:
    forms = [f"app={app}", "plan=true", f"expect={expect}", f"allow-deletes={count}"]
    wanted = {"app": app, "plan": True, "expect": expect, "allow-deletes": count}
    assert values("provision", *(forms[index] for index in order)) == [wanted]


@given(anything)
def test_a_value_is_taken_as_it_is(text: str) -> None:
    wanted = [{"left": "a", "right": "b", "value": text}]
    assert values("verify.compare", "a", "b", f"value={text}") == wanted
    assert values("verify.compare", "a", "b", f"--value={text}") == wanted


@given(st.lists(anything, max_size=6))
def test_any_words_are_read_or_refused_in_words(words: list[str]) -> None:
    try:
        read(["status", *words], TASKS)
    except UsageError as error:
        assert error.message


def test_several_tasks_stand_on_one_line() -> None:
    calls = read(["provision", "wiki", "verify.checksums", "status", "live=yes"], TASKS)
    assert [(call.task, call.values) for call in calls] == [
        ("provision.apply", {"app": "wiki"}),
        ("verify.checksums", {}),
        ("status", {"live": True}),
    ]


def test_a_needed_component_may_be_called_as_a_task() -> None:
    assert values("provision", "status") == [{"app": "status"}]


def test_plain_words_fill_the_needed_arguments_in_order() -> None:
    assert values("verify.compare", "right=b", "a") == [{"right": "b", "left": "a"}]


def test_a_path_with_an_equals_sign_is_a_plain_word() -> None:
    assert values("verify.compare", "/a=b", "./c=d") == [{"left": "/a=b", "right": "./c=d"}]


@pytest.mark.parametrize("form", ["--plan", "plan=true", "--plan=yes", "plan=on", "plan=1"])
def test_a_switch_is_turned_on(form: str) -> None:
    assert values("provision", "wiki", form)[0]["plan"] is True


@pytest.mark.parametrize("form", ["--no-plan", "plan=false", "--plan=no", "plan=off", "plan=0"])
def test_a_switch_is_turned_off(form: str) -> None:
    assert values("provision", "wiki", form)[0]["plan"] is False


def test_underscores_are_as_good_as_dashes() -> None:
    assert values("provision", "wiki", "allow_deletes=12")[0]["allow-deletes"] == 12


def test_help_runs_nothing_and_needs_nothing() -> None:
    assert [call.help for call in read(["status", "provision", "-h"], TASKS)] == [False, True]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["provison"], "Did you mean provision?"),
        (["checksums"], "Did you mean verify.checksums?"),
        (["provision", "wiki", "pln=true"], "Did you mean plan=?"),
        (["provision", "wiki", "--pln"], "Did you mean plan=?"),
        (["status", "lve=true"], "Did you mean live=?"),
        (["provision"], "Name one: app=NAME, or app=all."),
        (["verify.compare", "a"], "needs right="),
        (["provision", "app="], "app= is empty"),
        (["provision", "wiki", "app=tracker"], "given twice"),
        (["provision", "wiki", "plan"], "Say plan=VALUE."),
        (["provision", "wiki", "plan=maybe"], "neither true nor false"),
        (["provision", "wiki", "allow-deletes=many"], "no whole number"),
        (["provision", "wiki", "size=lrge"], "Did you mean size=large?"),
        (["provision", "wiki", "-x"], "go before the task's name"),
        (["provision", "wiki", "--dry"], "plan=true"),
        (["provision", "wiki", "-R"], "plan=true"),
        (["provision", "--app"], "needs a value"),
        (["provision", "--app", "--plan"], "needs a value"),
        (["app=wiki"], "no task stands before"),
        (["--app", "wiki"], "no flag --app"),
        (["provision", "wiki", "tracker"], "takes no more plain words"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(words: list[str], told: str) -> None:
    assert told in refusal(*words)
