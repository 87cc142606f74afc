"""A running lab as a program sees it: its EC2 by boto3, its hosts by ssh."""

from __future__ import annotations

import subprocess
from typing import Any

import boto3

from ops.lab.aws.images import IMAGE
from ops.lab.record import Lab, Ready, announced


def reached(made: Lab) -> Ready:
    """Return what a lab is reached by."""
    there = announced(made)
    assert there is not None
    return there


def ec2(made: Lab) -> Any:
    """Return boto3's EC2 client of a lab."""
    return boto3.client(
        "ec2",
        region_name="us-east-1",
        endpoint_url=reached(made).endpoint,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
    )


def launch(made: Lab, user_data: str) -> tuple[str, str]:
    """Return the id and the address of a new instance."""
    wish = {"ImageId": IMAGE, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1}
    started = ec2(made).run_instances(UserData=user_data, **wish)["Instances"][0]
    return started["InstanceId"], started["PrivateIpAddress"]


def ssh(
    made: Lab, where: str, line: str, *, key_name: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command on a host; with `key_name` its pinned key is asked for."""
    words = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
    words += ["-o", "IdentityAgent=none", "-i", str(made.login), "-p", str(reached(made).port)]
    words += ["-o", "ConnectTimeout=30"]
    if key_name:
        words += ["-o", f"UserKnownHostsFile={made.inventory}/known_hosts"]
        words += ["-o", "StrictHostKeyChecking=yes", "-o", f"HostKeyAlias={key_name}"]
    else:
        words += ["-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no"]
    return subprocess.run([*words, where, line], capture_output=True, text=True, check=False)
