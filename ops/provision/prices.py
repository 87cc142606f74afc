"""What a plan adds to the bill a month, by the prices that the inventory holds. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from ops.errors import Refused
from ops.inventory.schema import Limits, Prices
from ops.plan import Plan, Step

HOURS = 730
"""Hours of a month, as AWS's own price lists count (365 x 24 / 12)."""

OLD = 180
"""Days after which prices are told to be old."""


@dataclass(frozen=True)
class Item:
    """One thing that a plan pays for; `amount` is None when there is no price for it."""

    words: str
    amount: float | None


def estimate(plan: Plan, prices: Prices, *, dearest: bool = False) -> list[Item]:
    """Return what the plan's steps add to a month's bill; what they save is below zero.

    With `dearest` an instance is taken to get the dearest of its types, as it may when EC2
    has no capacity for the others; one without a price counts as that. A stopped instance
    costs nothing but its volumes. Transfer, requests and taxes are left out.
    """
    return [item for step in plan.steps for item in _items(step, prices, dearest=dearest)]


def total(items: list[Item]) -> float:
    """Return the sum of what has a price."""
    return sum(item.amount or 0 for item in items)


def notes(plan: Plan, prices: Prices | None, today: date, region: str) -> tuple[str, ...]:
    """Return the lines about money for the plan's reader; none when it changes no bill."""
    if prices is None or prices.region != region:
        why = f"prices.yaml is of {prices.region}, not of {region}" if prices else _NONE
        return (f"note: not priced: {why}",) if _paid(plan) else ()
    items, most = estimate(plan, prices), estimate(plan, prices, dearest=True)
    if not items:
        return ()
    listed = [f"{item.words} {item.amount:.2f}" for item in items if item.amount is not None]
    unknown = sorted({item.words for item in (*items, *most) if item.amount is None})
    age = (today - date.fromisoformat(prices.looked_up)).days
    when = f"prices of {prices.looked_up}" + (f", {age} days old" if age > OLD else "")
    words = f"note: {total(items):+.2f} {prices.currency} a month ({when})"
    return (
        words + (f": {', '.join(listed)}" if listed else ""),
        *([f"note: {total(most):+.2f} with other_types"] if total(most) > total(items) else []),
        *([f"note: not priced: {', '.join(unknown)}"] if unknown else []),
    )


def check(plan: Plan, prices: Prices | None, limits: Limits, allowed: int, *, region: str) -> None:
    """Do nothing when the plan stays within limits.monthly, or within what is allowed beyond.

    Raise Refused otherwise, or when there is a limit and something that has no price.
    """
    if limits.monthly is None:
        return
    if prices and prices.region == region:
        items = estimate(plan, prices, dearest=True)
    else:
        items = [Item(step.words, None) for step in _paid(plan)]
    most, cost = max(limits.monthly, allowed), total(items)
    unknown = sorted({item.words for item in items if item.amount is None})
    if unknown and not allowed:
        raise Refused(
            f"{plan.target}: limits.monthly is {limits.monthly}, and nothing tells the price of "
            f"{', '.join(unknown)}",
            "Add it to prices.yaml, or say allow-monthly=AMOUNT.",
        )
    if cost > most:
        currency = prices.currency if prices else ""
        raise Refused(
            f"{plan.target}: the plan adds {cost:.2f} {currency} a month, the limit is {most}",
            f"Read it with plan=true; to carry it out say allow-monthly={int(cost) + 1}.",
        )


def volume(prices: Prices, told: Mapping[str, object]) -> float | None:
    """Return what a volume costs a month; `told` has size_gib, type, iops and throughput."""
    kind = str(told.get("type"))
    if kind not in prices.volumes:
        return None
    cost = _number(told.get("size_gib")) * prices.volumes[kind]
    for name, table in (("iops", prices.iops), ("throughput", prices.throughput)):
        if kind in table and told.get(name):
            cost += max(0.0, _number(told[name]) - table[kind].free) * table[kind].each
    return cost


def _items(step: Step, prices: Prices, *, dearest: bool) -> Iterator[Item]:
    told = step.arguments
    if step.kind == "instance.make":
        types = told.get("types")
        priced = [_instance(str(one), prices) for one in types] if isinstance(types, list) else []
        if priced:
            yield max(priced, key=_dear) if dearest else priced[0]
        root = told.get("root")
        if isinstance(root, dict):
            yield Item(f"root {root.get('size_gib')} GiB {root.get('type')}", volume(prices, root))
    elif step.kind in {"instance.start", "instance.stop"} and told.get("type"):
        item = _instance(str(told["type"]), prices)
        down = step.kind == "instance.stop" and item.amount is not None
        yield Item(f"{item.words} stopped", -(item.amount or 0)) if down else item
    elif step.kind == "volume.make":
        yield Item(f"{told.get('size_gib')} GiB {told.get('type')}", volume(prices, told))
    elif step.kind == "address.give" and told.get("new"):
        yield Item("Elastic IP address", HOURS * prices.addresses)


def _dear(item: Item) -> float:
    return math.inf if item.amount is None else item.amount


_NONE = "the inventory has no prices.yaml"
_PAID = frozenset({"instance.make", "volume.make"})


def _paid(plan: Plan) -> list[Step]:
    return [step for step in plan.steps if step.kind in _PAID]


def _instance(kind: str, prices: Prices) -> Item:
    hour = prices.instances.get(kind)
    return Item(kind, None if hour is None else hour * HOURS)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
