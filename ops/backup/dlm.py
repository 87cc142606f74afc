"""Turn the declared backups into policies of AWS's Data Lifecycle Manager. Pure.

One policy a component, on its instances, without boot volumes. What differs from the
controller's own schedule, as DLM knows no better: moments are UTC; each rule of `keep` takes
snapshots of its own and counts those (a policy has four schedules at most); scripts run
by Systems Manager, and fail closed here, which is not DLM's default: no script, no snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.errors import Refused
from ops.inventory.schema import Backup, Component, State, crontimes
from ops.inventory.schema.words import seconds
from ops.plan import Plan, Step

MOST_SCHEDULES = 4
SCRIPT_SECONDS = 60
"""Within which a script must freeze or thaw; DLM allows 10 to 120."""

Details = Mapping[str, Any]

_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_UNITS = {"last": "DAYS", "hourly": "DAYS", "daily": "DAYS", "weekly": "WEEKS"} | {
    "monthly": "MONTHS",
    "yearly": "YEARS",
}


@dataclass(frozen=True)
class Existing:
    """A policy of ours as DLM has it."""

    id: str
    component: str
    state: str
    role: str
    details: Details


def wanted(components: Mapping[str, Component], states: Mapping[str, State]) -> dict[str, Details]:
    """Return the policy details by component, for all that declare backups and have volumes.

    Raise Refused when DLM can't do what is declared.
    """
    return {
        name: _details(name, declared.backup)
        for name, declared in sorted(components.items())
        if declared.backup and any(one.volumes for one in states[name].instances.values())
    }


def plan(wishes: Mapping[str, Details], found: Sequence[Existing], role: str) -> Plan:
    """Return the plan that makes DLM's policies as wanted; drift is told where it is.

    A policy of ours that nothing declares any more is deleted.
    """
    there = {one.component: one for one in found}
    steps = [step for name in wishes for step in _made(name, wishes[name], there.get(name), role)]
    for one in found:
        if one.component not in wishes or there[one.component] is not one:
            words = f"delete {one.id}: nothing declares snapshots of {one.component} by it"
            steps.append(Step("dlm.delete", one.id, words, {}, "delete"))
    return Plan("backup.schedule", "dlm", tuple(steps))


def drift(wish: object, found: object, at: str = "") -> Iterator[str]:
    """Yield where what is found is not as wished; what DLM adds by itself is no drift."""
    if isinstance(wish, Mapping) and isinstance(found, Mapping):
        for key, value in wish.items():
            yield from drift(value, found.get(key), f"{at}.{key}" if at else key)
    elif isinstance(wish, list) and isinstance(found, list) and len(wish) == len(found):
        for number, (one, other) in enumerate(zip(wish, found, strict=True)):
            yield from drift(one, other, f"{at}[{number}]")
    elif wish != found:
        yield f"{at}: {found!r}, not {wish!r}"


def _made(name: str, wish: Details, found: Existing | None, role: str) -> Iterator[Step]:
    arguments = {"component": name, "role": role, "details": dict(wish)}
    if found is None:
        yield Step("dlm.create", name, f"create the policy of {name}", arguments)
        return
    wrong = [*drift(wish, found.details)]
    if found.state != "ENABLED":
        wrong.append(f"state: {found.state}")
    if found.role != role:
        wrong.append(f"role: {found.role}")
    if wrong:
        words = f"change {found.id} of {name}: {'; '.join(wrong)}"
        yield Step("dlm.update", found.id, words, arguments, "change")


def _details(name: str, policy: Backup) -> Details:
    return {
        "PolicyType": "EBS_SNAPSHOT_MANAGEMENT",
        "ResourceTypes": ["INSTANCE"],
        "TargetTags": [{"Key": "ops:component", "Value": name}],
        "Parameters": {"ExcludeBootVolume": True},
        "Schedules": _schedules(name, policy),
    }


def _schedules(name: str, policy: Backup) -> list[Details]:
    counts = {rule: getattr(policy.keep, rule) for rule in _UNITS if getattr(policy.keep, rule)}
    if policy.keep.within and policy.keep.last:
        raise Refused(
            f"{name}: Data Lifecycle Manager keeps by number or by age, not keep.last and"
            " keep.within both",
            "Declare one of them, or engine: cron in site.yaml.",
        )
    made: list[Details] = [_schedule(name, policy, rule, count) for rule, count in counts.items()]
    if policy.keep.within:
        days = -(-seconds(policy.keep.within) // 86400)  # begun days count
        aged = _schedule(name, policy, "last", days)
        made.insert(0, {**aged, "RetainRule": {"Interval": days, "IntervalUnit": "DAYS"}})
    if not made or len(made) > MOST_SCHEDULES:
        raise Refused(
            f"{name}: {len(made)} rules in backup.keep, Data Lifecycle Manager takes"
            f" 1 to {MOST_SCHEDULES}",
            "Declare other rules, or engine: cron in site.yaml.",
        )
    return made


def _schedule(name: str, policy: Backup, rule: str, count: int) -> dict[str, Any]:
    create: dict[str, Any] = {"CronExpression": f"cron({_cron(name, policy.schedule, rule)})"}
    if policy.level != "crash":
        create["Scripts"] = [_script(name)]
    made: dict[str, Any] = {
        "Name": f"{name} {rule}",
        "CopyTags": True,
        "CreateRule": create,
        "RetainRule": {"Count": count},
    }
    if policy.copy_to:
        kept = {"Interval": count, "IntervalUnit": _UNITS[rule]}
        copied = {"Target": policy.copy_to, "Encrypted": True, "CopyTags": True, "RetainRule": kept}
        made["CrossRegionCopyRules"] = [copied]
    return made


def _script(name: str) -> dict[str, Any]:
    """Return what freezes and thaws: the Systems Manager document `ops-NAME`."""
    return {
        "Stages": ["PRE", "POST"],
        "ExecutionHandlerService": "AWS_SYSTEMS_MANAGER",
        "ExecutionHandler": f"ops-{name}",
        "ExecuteOperationOnScriptFailure": False,
        "ExecutionTimeout": SCRIPT_SECONDS,
        "MaximumRetryCount": 0,
    }


def _cron(name: str, schedule: str, rule: str) -> str:
    """Return AWS's six fields for the moments that a rule counts.

    A rule of days and above counts one snapshot of each, so it is taken at the first moment of
    the schedule's day only: a count is used up by what is taken, not by days.
    """
    times = crontimes.parse(schedule)
    minute, hour = times.minutes[0], times.hours[0]
    if rule == "hourly":
        return f"{minute} * * * ? *"
    if rule == "daily":
        return f"{minute} {hour} * * ? *"
    if rule == "weekly":
        return f"{minute} {hour} ? * SUN *"
    if rule in ("monthly", "yearly"):
        return f"{minute} {hour} 1 {'1' if rule == 'yearly' else '*'} ? *"
    clock = f"{_list(times.minutes, 60)} {_list(times.hours, 24)}"
    days, weekdays = _list(times.days, 31), _list(times.weekdays, 7)
    if "*" not in (days, weekdays):
        raise Refused(
            f"{name}: Data Lifecycle Manager takes days of the month or of the week, not both",
            "Change backup.schedule of the component.",
        )
    if weekdays == "*":
        return f"{clock} {days} {_list(times.months, 12)} ? *"
    named = ",".join(_WEEKDAYS[number] for number in sorted(times.weekdays))
    return f"{clock} ? {_list(times.months, 12)} {named} *"


def _list(numbers: Collection[int], count: int) -> str:
    """Return the numbers of a field as AWS takes them; it knows other steps than cron does."""
    return "*" if len(numbers) == count else ",".join(map(str, sorted(numbers)))
