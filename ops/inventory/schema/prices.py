"""prices.yaml: what AWS charges on demand, as somebody looked it up on a day."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ops.inventory.schema.words import Model

Amount = Annotated[float, Field(ge=0)]


class Provisioned(Model):
    """What is paid for beyond the volume's size: its operations or its throughput."""

    free: int = Field(0, ge=0, description="What the volume has without paying for it.")
    each: Amount = Field(description="One more, a month.")


class Prices(Model):
    """prices.yaml as a whole: estimates in plans are made by it."""

    looked_up: str = Field(
        pattern=r"^\d{4}-\d{2}-\d{2}$", description="The day on which these prices held."
    )
    region: str
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    source: str = Field(description="Where they were looked up.")
    instances: dict[str, Amount] = Field(description="An hour, by type.")
    volumes: dict[str, Amount] = Field(description="A GiB and month, by type.")
    iops: dict[str, Provisioned] = Field(default_factory=dict, description="By type of volume.")
    throughput: dict[str, Provisioned] = Field(
        default_factory=dict, description="A MiB/s, by type of volume."
    )
    snapshots: Amount = Field(description="A GiB and month.")
    addresses: Amount = Field(description="A public IPv4 address, an hour.")
    traffic_in: Amount = Field(0.0, description="A GB from the internet into EC2.")
    traffic_out: Amount | None = Field(
        None, description="A GB from EC2 to the internet; none: reports leave the cost out."
    )
