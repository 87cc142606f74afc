import pytest

from ops.errors import UsageError
from ops.lab.aws.faults import Fault, Faults, fault


def test_no_fault_hits_nothing() -> None:
    assert Faults().take("RunInstances") is None


def test_a_fault_hits_its_call_as_often_as_it_says() -> None:
    faults = Faults()
    faults.add(Fault("RunInstances", "lost", times=2))
    hits = [faults.take(action) for action in ("StopInstances", *["RunInstances"] * 3)]
    assert [hit is not None for hit in hits] == [False, True, True, False]
    assert faults.pending() == ()


def test_the_first_calls_are_spared() -> None:
    faults = Faults()
    faults.add(Fault("RunInstances", "lost", skip=2))
    assert [faults.take("RunInstances") is not None for _ in range(4)] == [
        False,
        False,
        True,
        False,
    ]


def test_faults_of_one_call_come_in_their_order() -> None:
    faults = Faults()
    faults.add(Fault("RunInstances", code="A"), Fault("RunInstances", code="B"))
    taken = [faults.take("RunInstances") for _ in range(2)]
    assert [hit.code for hit in taken if hit] == ["A", "B"]


def test_a_fault_of_everything_hits_anything() -> None:
    faults = Faults()
    faults.add(Fault("*", "delay", seconds=1))
    assert faults.take("DescribeVpcs") == Fault("*", "delay", seconds=1)


def test_throttling_is_a_refusal_that_botocore_knows() -> None:
    made = fault({"action": "RunInstances", "kind": "throttle"})
    assert (made.kind, made.code, made.status) == ("error", "RequestLimitExceeded", 503)


def test_calls_are_counted_until_cleared() -> None:
    faults = Faults()
    for _ in range(3):
        faults.take("DescribeVpcs")
    assert faults.calls() == {"DescribeVpcs": 3}
    faults.clear()
    assert faults.calls() == {}


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"action": 1},
        {"action": "X", "kind": "sad"},
        {"action": "X", "tmes": 2},
        {"action": "X", "times": "2"},
        "X",
    ],
)
def test_what_is_no_fault_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        fault(data)
