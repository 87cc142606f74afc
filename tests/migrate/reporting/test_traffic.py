"""What traffic costs."""

from ops.inventory.schema import Prices
from ops.migrate.reporting.traffic import amount, cost

PRICES = Prices(
    looked_up="2026-11-01", region="us-east-1", source="a list", instances={}, volumes={},
    snapshots=0.05, addresses=0.005, traffic_out=0.09,
)  # fmt: skip


def test_into_ec2_is_free_and_the_way_back_is_not() -> None:
    told = cost(PRICES, 10**12, 2 * 10**12)
    assert told is not None
    assert (told.sent, round(told.back, 6)) == (0.0, 180.0)


def test_without_prices_there_is_no_cost() -> None:
    assert cost(None, 1, 1) is None
    assert cost(PRICES.model_copy(update={"traffic_out": None}), 1, 1) is None


def test_less_than_a_cent_is_not_nothing() -> None:
    assert [amount(0, "USD"), amount(0.001, "USD"), amount(1234.5, "USD")] == [
        "0.00 USD", "< 0.01 USD", "1,234.50 USD",
    ]  # fmt: skip
