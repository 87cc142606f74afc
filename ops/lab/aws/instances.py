"""Instances of the lab's AWS: what moto keeps, with machines behind it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ops.errors import OpsError
from ops.lab.aws.account import Account, answer, of, once, refusal, told
from ops.lab.aws.images import ROOT_DEVICE, ROOT_GIB
from ops.lab.machines import Addresses

USER_DATA_LIMIT = 16384
"""Bytes, before base64 (EC2 user guide, "Instance user data")."""


def run_instances(self: Any) -> Any:
    """RunInstances: tokens honoured, user data limited, machines booted."""
    _limit_user_data(self)
    _limit_root(self)
    if self._get_param("DryRun", False):
        return _moto().run_instances(self)
    result, repeated = once(self, "RunInstances", lambda: _run(self))
    if repeated:
        # moto says "pending" of every instance it answers RunInstances with
        self.RESPONSE_KEY_PATH_TO_TRANSFORMER = {
            key: value
            for key, value in self.RESPONSE_KEY_PATH_TO_TRANSFORMER.items()
            if not key.startswith("RunInstances")
        }
    return answer(result)


def start_instances(self: Any) -> Any:
    """StartInstances: stopped machines boot again, at the addresses they had."""
    instances = _named(self)
    for instance in instances:
        if instance.state in {"stopping", "shutting-down", "terminated"}:
            said = f"The instance '{instance.id}' is not in a state from which it can be started."
            raise refusal("IncorrectInstanceState", said)
    stopped = [instance for instance in instances if instance.state == "stopped"]
    result = _moto().start_instances(self)
    for instance in stopped:
        told(partial(_boot, self, instance), instance.stop)
    return result


def stop_instances(self: Any) -> Any:
    """StopInstances: machines halt in order before the reply, but those that hang."""
    hanging = of(self).hanging
    for instance in _named(self):
        if instance.state == "running" and instance.disable_api_stop is not True:
            _tell(of(self), "stop", instance.id)
    result = _moto().stop_instances(self)
    for instance in _named(self):
        instance.nics[0].public_ip = None
        if instance.id in hanging:
            _set_state(instance, "stopping", 64)
    return result


def set_health(account: Account, instance: Any, state: str) -> None:
    """Let an instance be well again ("ok"), impaired, hang, lose its power ("dead"), or have an
    event announced. EC2 goes on telling that one without power runs.
    """
    account.health.pop(instance.id, None)
    account.hanging.discard(instance.id)
    if state == "dead":
        account.machines.lose_power(instance.id)
    elif state == "hangs":
        account.hanging.add(instance.id)
    elif state != "ok":
        account.health[instance.id] = state
    elif instance.state == "stopping":
        _set_state(instance, "stopped", 80)


def reboot_instances(self: Any) -> Any:
    """RebootInstances: machines halt and boot."""
    result = _moto().reboot_instances(self)
    for instance in _named(self):
        _tell(of(self), "reboot", instance.id)
    return result


def terminate_instances(self: Any) -> Any:
    """TerminateInstances: machines end, and the volumes that end with them."""
    instances = [one for one in _named(self) if one.state != "terminated"]
    doomed = {
        one.id: [
            block.volume_id
            for _, block in one.get_block_device_mapping
            if block.delete_on_termination
        ]
        for one in instances
    }
    result = _moto().terminate_instances(self)
    account = of(self)
    for instance in instances:
        instance.nics[0].public_ip = None
        told(partial(account.machines.terminate, instance.id), None)
        for volume in account.disks & set(doomed[instance.id]):
            told(partial(account.machines.delete_volume, volume), None)
            account.disks.discard(volume)
    return result


def get_console_output(self: Any) -> Any:
    """GetConsoleOutput: what the machine wrote, not moto's sample."""
    from moto.core.types import Base64EncodedString
    from moto.core.utils import utcnow

    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    text = of(self).machines.console(instance.id)
    return answer(
        {
            "InstanceId": instance.id,
            "Timestamp": utcnow(),
            "Output": Base64EncodedString.from_raw_string(text),
        }
    )


def describe_instance_status(self: Any) -> Any:
    """DescribeInstanceStatus: moto finds all instances well; the lab knows better."""
    result: Any = _moto().describe_instance_status(self).result
    health = of(self).health
    seen = [_unwell(one, health[one.id]) if one.id in health else one for one in result.pop(_ALL)]
    return answer({**result, _ALL: seen})


_ALL = "InstanceStatuses"


def _unwell(instance: Any, state: str) -> dict[str, object]:
    impaired = state == "impaired"
    event = {"InstanceEventId": "instance-event-1", "Code": state, "Description": "the lab's"}
    return {
        "InstanceId": instance.id,
        "InstanceState": {"Code": instance.state_code, "Name": instance.state},
        "SystemStatus": {"Status": "impaired" if impaired else "ok"},
        "InstanceStatus": {"Status": "ok"},
        "Events": [] if impaired else [{**event, "NotBefore": _EVENT}],
    }


_EVENT = datetime(2030, 1, 1, 3, tzinfo=UTC)


def _run(response: Any) -> object:
    reservation: Any = _moto().run_instances(response).result
    for instance in reservation.instances:
        instance.disable_api_termination = response._get_bool_param("DisableApiTermination", False)
        told(partial(_made_whole, response, instance), partial(_unmade, of(response), instance))
    return reservation


def _unmade(account: Account, instance: Any) -> None:
    """End an instance that could not start, and what of its machine there is."""
    volumes = {block.volume_id for _, block in instance.get_block_device_mapping}
    instance.terminate()
    with suppress(OpsError):
        account.machines.terminate(instance.id)
        for volume in account.disks & volumes:
            account.machines.delete_volume(volume)
    account.disks -= volumes


def _made_whole(response: Any, instance: Any) -> None:
    _correct_root(instance)
    _correct_disks(response, instance)
    _boot(response, instance)


def _boot(response: Any, instance: Any) -> None:
    account = of(response)
    addresses = account.machines.addresses(instance.id)
    _place(instance, addresses)
    volumes = {
        device: block.volume_id
        for device, block in instance.get_block_device_mapping
        if block.volume_id in account.disks
    }
    account.machines.start(
        instance.id,
        user_data=_raw(instance.user_data),
        public_keys=_public_keys(response, instance),
        hostname=addresses.private_dns.partition(".")[0],
        volumes=volumes,
    )


def _place(instance: Any, addresses: Addresses) -> None:
    """Give an instance of moto the lab's addresses and names."""
    nic = instance.nics[0]
    nic.private_ip_address = addresses.private_ip
    nic.private_ip_addresses = [
        {
            "Primary": True,
            "PrivateIpAddress": addresses.private_ip,
            "PrivateDnsName": addresses.private_dns,
        }
    ]
    nic.private_dns_name = addresses.private_dns
    nic.public_ip = addresses.public_ip
    instance.lab_addresses = addresses


def private_dns_name(self: Any) -> str:
    """Return the name that the lab gave the instance."""
    placed: Addresses | None = getattr(self, "lab_addresses", None)
    return placed.private_dns if placed else ""


def public_dns_name(self: Any) -> str | None:
    """Return the name that the lab gave the instance, while it has a public address."""
    placed: Addresses | None = getattr(self, "lab_addresses", None)
    return placed.public_dns if placed and self.public_ip else None


def _correct_root(instance: Any) -> None:
    """Attach the root volume under the image's own name for it; moto says /dev/sda1 always."""
    mapping = instance.block_device_mapping
    if instance.root_device_name not in mapping and "/dev/sda1" in mapping:
        block = mapping.pop("/dev/sda1")
        mapping[instance.root_device_name] = block
        volume = instance.ec2_backend.get_volume(block.volume_id)
        volume.attachment.device = instance.root_device_name


def _correct_disks(response: Any, instance: Any) -> None:
    """Set what moto drops from a launch's volumes, and make the data volumes' disks."""
    asked: dict[str, Mapping[str, Any]] = {
        one["DeviceName"]: one.get("Ebs", {})
        for one in response._get_param("BlockDeviceMappings", [])
    }
    account = of(response)
    for device, block in instance.get_block_device_mapping:
        volume = instance.ec2_backend.get_volume(block.volume_id)
        if volume.volume_type == "gp3":
            volume.iops = asked.get(device, {}).get("Iops") or 3000
            volume.throughput = asked.get(device, {}).get("Throughput") or 125
        if device != instance.root_device_name:
            account.machines.create_volume(volume.id, int(volume.size), volume.snapshot_id)
            account.disks.add(volume.id)


def _limit_user_data(response: Any) -> None:
    given = response._get_param("UserData")
    if given is not None and len(_raw(given)) > USER_DATA_LIMIT:
        said = f"User data is limited to {USER_DATA_LIMIT} bytes"
        raise refusal("InvalidParameterValue", said)


def _limit_root(response: Any) -> None:
    for asked in response._get_param("BlockDeviceMappings", []):
        size = int(asked.get("Ebs", {}).get("VolumeSize") or ROOT_GIB)
        if asked["DeviceName"] == ROOT_DEVICE and size < ROOT_GIB:
            said = f"Volume of size {size}GB is smaller than snapshot, expect size>= {ROOT_GIB}GB"
            raise refusal("InvalidBlockDeviceMapping", said)


def _raw(user_data: Any) -> bytes:
    if not user_data:
        return b""
    text = user_data if isinstance(user_data, bytes) else str(user_data).encode()
    return base64.b64decode(text)


def _public_keys(response: Any, instance: Any) -> list[str]:
    pair = response.ec2_backend.key_pairs.get(instance.key_name)
    return [pair.public_key.strip()] if pair else []


def _set_state(instance: Any, name: str, code: int) -> None:
    instance._state.name, instance._state.code = name, code


def _named(response: Any) -> list[Any]:
    wanted = response._get_param("InstanceIds", [])
    found: list[Any] = response.ec2_backend.get_multi_instances_by_id(wanted)
    return found


def _tell(account: Account, what: str, subject: str) -> None:
    told(lambda: getattr(account.machines, what)(subject), lambda: None)


def _moto() -> Any:
    from moto.ec2.responses.instances import InstanceResponse

    return InstanceResponse
