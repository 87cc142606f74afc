"""What the traffic of a transfer costs: into EC2, and back, at prices with their date. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ops.inventory.schema import Prices

GIGA = 1e9
"""Bytes of a GB as it is charged here; of GiB there are fewer, so this is the higher sum."""


@dataclass(frozen=True)
class Cost:
    """What a transfer has cost, and what bringing the data back to campus would."""

    sent: float
    back: float


def cost(prices: Prices | None, sent: int, back: int) -> Cost | None:
    """Return the cost of `sent` bytes into EC2, and of `back` bytes out of it.

    Without prices of both directions there is none.
    """
    if prices is None or prices.traffic_out is None:
        return None
    return Cost(sent / GIGA * prices.traffic_in, back / GIGA * prices.traffic_out)


def amount(value: float, currency: str) -> str:
    """Return a sum of money: "0.00 USD"; what is less than a cent is not nothing."""
    return f"< 0.01 {currency}" if 0 < value < 0.005 else f"{value:,.2f} {currency}"
