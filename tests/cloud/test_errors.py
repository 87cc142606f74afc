import pytest

from ops.cloud.errors import CloudError, hint_for, refused
from ops.errors import OpsError


def test_a_missing_permission_is_named_by_its_action() -> None:
    said = "You are not authorized. Encoded authorization failure message: " + "x" * 500
    error = refused("UnauthorizedOperation", "RunInstances", "wiki main", said)
    assert error.message == (
        "RunInstances wiki main: these credentials lack the permission ec2:RunInstances"
        " (UnauthorizedOperation)"
    )
    assert "README" in error.hint


def test_other_services_have_actions_of_their_own() -> None:
    error = refused("AccessDeniedException", "GetParameter", "/aws/x", "no")
    assert "ssm:GetParameter" in error.message


def test_an_error_keeps_what_where_and_its_code() -> None:
    error = refused("InvalidAMIID.NotFound", "RunInstances", "wiki", "no such image.")
    assert (error.code, error.operation, error.subject) == (
        "InvalidAMIID.NotFound",
        "RunInstances",
        "wiki",
    )
    assert isinstance(error, OpsError)
    assert str(error).splitlines()[0] == "RunInstances wiki: no such image (InvalidAMIID.NotFound)"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("InsufficientInstanceCapacity", "other_types"),
        ("InstanceLimitExceeded", "quota"),
        ("IdempotentParameterMismatch", "put those back"),
        ("RequestLimitExceeded", "later"),
        ("AuthFailure", "site.yaml"),
        ("ExpiredToken", "sign in"),
        ("NeverHeardOf", "error codes"),
    ],
)
def test_a_code_says_what_to_do(code: str, words: str) -> None:
    assert words in hint_for(code)


def test_only_lost_replies_and_faults_of_aws_are_uncertain() -> None:
    codes = ["ReadTimeout", "ConnectionClosed", "InternalError", "RequestLimitExceeded", "X"]
    uncertain = [code for code in codes if CloudError(code, "", "", "").uncertain]
    assert uncertain == ["ReadTimeout", "ConnectionClosed", "InternalError"]
