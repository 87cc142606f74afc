"""Whether keys may delete from a bucket, of an S3 that keeps to policies."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from ops.cloud.errors import CloudError
from ops.cloud.objects import may_delete
from ops.cloud.session import Cloud
from ops.lab.aws.server import Server, enforce_policies

KEYS = ("AKIAIOSFODNN7EXAMPLE", "hidden-secret")


def keys(url: str, user: str, *actions: str) -> tuple[str, str]:
    """Return the key of a new user who may do this to objects, and nothing else."""
    iam: Any = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=KEYS[0],
        aws_secret_access_key=KEYS[1],
    )
    iam.create_user(UserName=user)
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=user, PolicyName="objects", PolicyDocument=document)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    iam.close()
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_keys_that_may_delete_are_told_from_those_that_may_not(
    server: Server, cloud: Cloud, name: str
) -> None:
    cloud.s3.create_bucket(Bucket=name)
    url = f"{server.url}/{name}/wiki"
    free = keys(server.url, f"free-{name}", "s3:PutObject", "s3:DeleteObject")
    bound = keys(server.url, f"bound-{name}", "s3:PutObject")
    reader = keys(server.url, f"reader-{name}", "s3:GetObject")
    enforce_policies(on=True)
    try:
        assert may_delete(url, *free)
        assert not may_delete(url, *bound)
        with pytest.raises(CloudError):
            may_delete(url, *reader)
    finally:
        enforce_policies(on=False)


def test_what_cannot_be_tried_is_not_told(server: Server) -> None:
    with pytest.raises(CloudError):
        may_delete(f"{server.url}/no-such-bucket/wiki", *KEYS)
    with pytest.raises(CloudError):
        may_delete("s3.example", *KEYS)
