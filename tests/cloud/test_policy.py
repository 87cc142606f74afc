"""The shipped policy names exactly what ops/cloud calls, and is enough when it is in force."""

import ast
import inspect
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

import ops
import ops.cloud
from ops import run
from ops.cloud import instances, policy, sets, snapshots, status, tags, volumes, zones
from ops.cloud.calls import ask
from ops.cloud.errors import CloudError, action
from ops.cloud.instances import Launch
from ops.cloud.session import Cloud
from ops.cloud.volumes import Order
from ops.fleet.replace import replace as replace_instance
from ops.lab.aws.server import Server, enforce_policies
from ops.provision import drift_survey
from tests.support.fleet import PLAIN, SOON, Fleet, fleet

__all__ = ["fleet"]

CLIENTS = {
    name: name.partition("_")[0]
    for name, made in inspect.getmembers(Cloud, lambda one: isinstance(one, property))
    if "self._client(" in inspect.getsource(made.fget)
}
"""The clients of a Cloud, and the AWS service of each."""

PACKAGES = [path for path in Path(ops.__path__[0]).glob("*/") if path.name != "lab"]
TAGGED = [{"Null": {f"aws:ResourceTag/{tag}": "false"}} for tag in (tags.COMPONENT, tags.DRILL)]


def methods(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield client and method of all that a folder's sources ask AWS, whoever holds the client."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Attribute(ast.Attribute(_, client), method) if client in CLIENTS:
                    yield client, method


def called(cloud: Cloud) -> set[str]:
    """Return the actions of all client methods that the sources of ops/cloud use.

    Not those of S3: they are tried with the keys of hosts, which have policies of their own.
    """
    found = set()
    for client, method in methods(Path(ops.cloud.__path__[0])):
        names = getattr(cloud, client).meta.method_to_api_mapping
        if method in names and client != "s3":
            found.add(f"{CLIENTS[client]}:{names[method]}")
    return found


def flat(statements: list[dict[str, Any]]) -> str:
    """Return the statements' actions without resources and conditions, which moto can't judge."""
    actions = sorted(
        {
            one
            for statement in statements
            for one in (
                statement["Action"]
                if isinstance(statement["Action"], list)
                else [statement["Action"]]
            )
        }
    )
    allowed = [{"Effect": "Allow", "Action": actions, "Resource": "*"}] if actions else []
    return json.dumps({"Version": "2012-10-17", "Statement": allowed})


def granted(url: str, name: str) -> dict[str, str]:
    """Return the key of a new user who has the shipped policy, and nothing else."""
    iam: Any = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
    )
    iam.create_user(UserName=name)
    key: dict[str, str] = iam.create_access_key(UserName=name)["AccessKey"]
    document = flat(policy.policy()["Statement"])
    iam.put_user_policy(UserName=name, PolicyName="ops", PolicyDocument=document)
    iam.close()
    return key


@pytest.fixture
def user(cloud: Cloud, server: Server, name: str) -> Iterator[Cloud]:
    """A user who has the shipped policy, and nothing else; it is in force."""
    key = granted(server.url, name)
    made = replace(
        cloud, access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"], _clients={}
    )
    enforce_policies(on=True)
    yield made
    enforce_policies(on=False)
    made.close()


def test_the_policy_allows_what_is_called_and_nothing_else(cloud: Cloud) -> None:
    assert called(cloud) | {"iam:PassRole"} == policy.actions()


def test_nobody_else_asks_aws_than_ops_cloud() -> None:
    others = [path for path in PACKAGES if path.name != "cloud"]
    assert {path.name for path in others} >= {"provision", "backup", "fleet"}
    assert [(path.name, *one) for path in others for one in methods(path)] == []


def test_errors_name_actions_as_the_policy_does(cloud: Cloud) -> None:
    operations = {one.partition(":")[2]: one for one in called(cloud)}
    assert {action(operation) for operation in operations} == set(operations.values())


def test_whatever_changes_something_is_bounded() -> None:
    for statement in policy.policy()["Statement"]:
        assert statement["Resource"] != "*" or statement["Sid"] == "Look"
    look = next(one for one in policy.policy()["Statement"] if one["Sid"] == "Look")
    asked = ("ec2:Describe", "dlm:Get", "sts:GetCallerIdentity")
    assert all(one.startswith(asked) for one in look["Action"])


def test_what_ends_things_is_allowed_on_ours_only() -> None:
    ends = {"ec2:TerminateInstances", "ec2:DeleteVolume", "ec2:DeleteSnapshot"}
    for statement in policy.policy()["Statement"]:
        if ends & set(statement["Action"]):
            assert statement["Condition"] in TAGGED


def test_the_policy_fits_into_iam() -> None:
    assert len(json.dumps(policy.policy(), separators=(",", ":"))) <= 6144


def test_with_the_policy_in_force_a_component_is_provisioned_and_backed_up(
    launch: Launch, order: Order, name: str, user: Cloud
) -> None:
    made = instances.run(user, launch)
    volume = volumes.create(user, order)
    volumes.attach(user, volume.id, made.id, "/dev/sdf")
    taken = sets.create_set(user, sets.Request(made.id, name, {}))
    assert [one.volume for one in taken] == [volume.id]
    snapshots.remove(user, taken[0].id)


def test_with_the_policy_in_force_a_fleet_is_provisioned_compared_and_changed(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = granted(fleet.server.url, "least")
    monkeypatch.setenv("OPS_TEST_ID", key["AccessKeyId"])
    monkeypatch.setenv("OPS_TEST_KEY", key["SecretAccessKey"])
    enforce_policies(on=True)
    try:
        fleet.reach_by("private")
        one = {**PLAIN["instances"]["main"], "elastic_ip": True}
        fleet.declare({"instances": {"main": one}})
        assert fleet.provision()
        assert drift_survey.look(fleet.repo).findings == ()
        aws, made = run.cloud(fleet.repo), fleet.instance()
        assert made.id in status.find(aws)
        assert instances.console(aws, made.id)
        assert replace_instance(fleet.repo, "wiki", lambda _: True, tell=print, patience=SOON)
        instances.protect(aws, made.id, on=False)
        instances.terminate(aws, made.id)
    finally:
        enforce_policies(on=False)


def test_without_the_permission_the_error_names_it(user: Cloud) -> None:
    with pytest.raises(CloudError) as caught:
        ask(user, "vpc-1", user.ec2.delete_vpc, VpcId="vpc-1")
    assert caught.value.code == "UnauthorizedOperation"
    assert "lack the permission ec2:DeleteVpc" in caught.value.message
    assert "README" in caught.value.hint


def test_unknown_keys_are_told(user: Cloud) -> None:
    stranger = replace(user, access_key="AKIAAAAAAAAAAAAAAAAA", secret_key="x", _clients={})
    with pytest.raises(CloudError, match="AuthFailure") as caught:
        zones.zones(stranger)
    assert "cloud.credentials" in caught.value.hint
    stranger.close()
