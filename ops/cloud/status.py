"""What EC2 says of the health of running instances, and what it is going to do to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.cloud.calls import pages, utc
from ops.cloud.session import Cloud

_OVER = ("[Completed]", "[Canceled]")
"""How the description of an event begins that is behind us (EC2 user guide, scheduled events)."""


@dataclass(frozen=True)
class Event:
    """Something that EC2 will do to an instance: `code` is instance-retirement, system-reboot..."""

    code: str
    words: str
    begins: datetime | None
    ends: datetime | None


@dataclass(frozen=True)
class Health:
    """EC2's checks of an instance: "ok", "impaired", "initializing", "insufficient-data"..."""

    system: str
    instance: str
    volumes: str
    """"" where EC2 says nothing of the attached volumes."""
    events: tuple[Event, ...] = ()

    @property
    def impaired(self) -> tuple[str, ...]:
        """Return which of the checks fail."""
        checks = {"system": self.system, "instance": self.instance, "volumes": self.volumes}
        return tuple(name for name, said in checks.items() if said == "impaired")


def find(cloud: Cloud) -> dict[str, Health]:
    """Return the health of all running instances of the region by id, others' too.

    EC2 can't be asked by tags here, and takes ids only a hundred at a time.
    """
    call = cloud.ec2.describe_instance_status
    answers = pages(cloud, "", call, PaginationConfig={"PageSize": 1000})
    described = (one for page in answers for one in page["InstanceStatuses"])
    return {one["InstanceId"]: _health(one) for one in described}


def _health(described: Mapping[str, Any]) -> Health:
    return Health(
        system=described.get("SystemStatus", {}).get("Status", ""),
        instance=described.get("InstanceStatus", {}).get("Status", ""),
        volumes=described.get("AttachedEbsStatus", {}).get("Status", ""),
        events=tuple(
            Event(
                one.get("Code", ""),
                one.get("Description", ""),
                utc(one.get("NotBefore")),
                utc(one.get("NotAfter")),
            )
            for one in described.get("Events") or ()
            if not one.get("Description", "").startswith(_OVER)
        ),
    )
