"""What a plan adds to the bill, by a dated price file."""

from __future__ import annotations

from datetime import date

import pytest

from ops.errors import Refused
from ops.inventory.repository import Repository
from ops.inventory.schema import Prices
from ops.plan import Plan, Step
from ops.provision.prices import check, estimate, notes, total, volume
from tests.provision.test_plan import read
from tests.provision.world import World, site
from tests.support.inventories import PROJECT, SAMPLE

TODAY = date(2026, 11, 22)


@pytest.fixture
def prices() -> Prices:
    found = Repository(SAMPLE, PROJECT).prices()
    assert found is not None
    return found


def decided() -> Plan:
    return World(read("wiki.yaml")).plan()


def test_instance_and_volumes_are_priced_per_month(prices: Prices) -> None:
    expected = 0.0208 * 730 + 10 * 0.08 + 20 * 0.08
    assert total(estimate(decided(), prices)) == pytest.approx(expected)
    (line,) = notes(decided(), prices, TODAY, "us-east-1")
    assert line == (
        "note: +17.58 USD a month (prices of 2026-11-01): t3.small 15.18,"
        " root 10 GiB gp3 0.80, 20 GiB gp3 1.60"
    )


def test_operations_and_throughput_are_paid_beyond_what_is_free(prices: Prices) -> None:
    told = {"size_gib": 100, "type": "gp3", "iops": 4000, "throughput": 225}
    assert volume(prices, told) == pytest.approx(8 + 1000 * 0.005 + 100 * 0.04)


def test_old_prices_are_told_to_be_old(prices: Prices) -> None:
    (line,) = notes(decided(), prices, date(2027, 11, 1), "us-east-1")
    assert "365 days old" in line


def test_without_a_price_file_the_plan_says_so() -> None:
    assert notes(decided(), None, TODAY, "us-east-1") == (
        "note: not priced: the inventory has no prices.yaml",
    )
    assert notes(Plan("provision", "wiki"), None, TODAY, "us-east-1") == ()


def test_what_has_no_price_is_named(prices: Prices) -> None:
    plan = Plan("provision", "wiki", (Step("instance.make", "main", "", {"types": ["z9.huge"]}),))
    assert notes(plan, prices, TODAY, "us-east-1")[1] == "note: not priced: z9.huge"


def test_what_is_stopped_is_saved_and_what_starts_again_is_paid(prices: Prices) -> None:
    start, stop = (
        Step(f"instance.{verb}", "main", "", {"type": "m5.large"}) for verb in ("start", "stop")
    )
    assert total(estimate(Plan("x", "wiki", (start, stop)), prices)) == pytest.approx(0)
    assert total(estimate(Plan("x", "wiki", (stop,)), prices)) == pytest.approx(-0.096 * 730)


def test_the_limit_of_a_month_names_the_argument_that_allows_more(prices: Prices) -> None:
    limits = site(limits={"monthly": 15}).limits
    with pytest.raises(Refused, match=r"adds 17\.58 USD a month, the limit is 15") as refused:
        check(decided(), prices, limits, 0, region="us-east-1")
    assert "allow-monthly=18" in refused.value.hint
    check(decided(), prices, limits, 18, region="us-east-1")


def test_a_limit_without_prices_is_refused_and_not_passed_over() -> None:
    limits = site(limits={"monthly": 15}).limits
    with pytest.raises(Refused, match="nothing tells the price"):
        check(decided(), None, limits, 0, region="us-east-1")
    check(decided(), None, site().limits, 0, region="us-east-1")


def test_a_type_to_fall_back_to_counts_with_its_own_price(prices: Prices) -> None:
    types = ["t3.small", "m5.large"]
    plan = Plan("provision", "wiki", (Step("instance.make", "main", "", {"types": types}),))
    assert notes(plan, prices, TODAY, "us-east-1")[1] == "note: +70.08 with other_types"
    limits = site(limits={"monthly": 20}).limits
    with pytest.raises(Refused, match=r"adds 70\.08 USD a month, the limit is 20"):
        check(plan, prices, limits, 0, region="us-east-1")


def test_prices_of_another_region_are_no_prices(prices: Prices) -> None:
    (line,) = notes(decided(), prices, TODAY, "eu-central-1")
    assert line == "note: not priced: prices.yaml is of us-east-1, not of eu-central-1"
    with pytest.raises(Refused, match="nothing tells the price"):
        check(decided(), prices, site(limits={"monthly": 99}).limits, 0, region="eu-central-1")
