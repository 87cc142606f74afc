"""Stops an instance and sees it stopped, which one that hangs takes long for."""

from __future__ import annotations

from ops.cloud import instances
from ops.cloud.calls import Wait
from ops.cloud.session import Cloud

PATIENCE = Wait(delay=2, attempts=600)
"""How long an instance may take to stop or end: EC2 waits long for a system that hangs."""


def stop(cloud: Cloud, instance_id: str) -> None:
    """Stop an instance and wait until it is seen stopped; one that has ended is let be."""
    found = instances.get(cloud, instance_id)
    if found is None or not found.alive:
        return
    if found.state == "pending":
        instances.wait(cloud, instance_id, "running", PATIENCE)
    instances.stop(cloud, instance_id)
    instances.wait(cloud, instance_id, "stopped", PATIENCE)


def start(cloud: Cloud, instance_id: str) -> instances.Instance:
    """Start an instance and return it, running; one that still stops is waited for."""
    found = instances.get(cloud, instance_id)
    if found is not None and found.state == "stopping":
        instances.wait(cloud, instance_id, "stopped", PATIENCE)
    instances.start(cloud, instance_id)
    return instances.wait(cloud, instance_id, "running", PATIENCE)
