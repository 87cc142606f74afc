"""What AWS's errors mean to a person: what was refused, on what, and what to do."""

from __future__ import annotations

import re

from ops.errors import OpsError

THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestThrottled",
        "RequestThrottledException",
        "EC2ThrottledException",
        "SlowDown",
    }
)
"""Codes that say: not now. The work was not done, so asking again is safe for every call."""

_UNCERTAIN = frozenset({"InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable"})

_IDENTITY = "Look at cloud.credentials in site.yaml, and at what it refers to."
_CAPACITY = "Another zone or type of instance may have room: see other_types of the instance."
_QUOTA = "Ask AWS for a higher quota (Service Quotas, EC2), or remove what is not needed."

_HINTS = {
    "UnauthorizedOperation": "Let the policy of these credentials allow it (README: AWS policy).",
    "AccessDenied": "Let the policy of these credentials allow it (README: AWS policy).",
    "AccessDeniedException": "Let the policy of these credentials allow it (README: AWS policy).",
    "AuthFailure": f"AWS does not know these credentials. {_IDENTITY}",
    "InvalidClientTokenId": f"AWS does not know these credentials. {_IDENTITY}",
    "UnrecognizedClientException": f"AWS does not know these credentials. {_IDENTITY}",
    "SignatureDoesNotMatch": f"The secret key does not belong to the access key. {_IDENTITY}",
    "ExpiredToken": "The session has expired: sign in again, then run the task again.",
    "ExpiredTokenException": "The session has expired: sign in again, then run the task again.",
    "RequestExpired": "The session has expired, or this machine's clock is wrong.",
    "OptInRequired": "The account has no access to this service or region yet.",
    "InvalidAMIID.NotFound": "Name an image of this region in cloud.image or the instance's image.",
    "InvalidAMIID.Malformed": "An image id looks like ami-0123456789abcdef0.",
    "InvalidAMIID.Unavailable": "The image was withdrawn: name another one.",
    "ParameterNotFound": "Name an existing public parameter of this region after `ssm:`.",
    "InvalidKeyPair.NotFound": "The key pair is gone: run the task again, it imports the key.",
    "InvalidKeyPair.Duplicate": "Another key has this name: choose another cloud.key_name.",
    "InvalidGroup.NotFound": "The security group is gone: run the task again, it makes a new one.",
    "InvalidGroup.Duplicate": "A group of that name which is not ours exists in the VPC.",
    "InvalidSubnetID.NotFound": "Look at cloud.subnets in site.yaml.",
    "InvalidParameterValue": "Look at the component's file for the value that is named.",
    "InvalidInstanceType": "Name a type that EC2 has in this region.",
    "InvalidInstanceType.NotFound": "Name a type that EC2 has in this region.",
    "InvalidBlockDeviceMapping": "Look at the volumes in the component's file.",
    "Unsupported": _CAPACITY,
    "InsufficientInstanceCapacity": _CAPACITY,
    "InsufficientVolumeCapacity": "Another zone or type of volume may have room.",
    "InstanceLimitExceeded": _QUOTA,
    "VcpuLimitExceeded": _QUOTA,
    "VolumeLimitExceeded": _QUOTA,
    "SnapshotLimitExceeded": _QUOTA,
    "AddressLimitExceeded": _QUOTA,
    "MaxSpotInstanceCountExceeded": _QUOTA,
    "IdempotentParameterMismatch": (
        "It was asked for before with other settings: put those back into the component's"
        " file, let the task end with them, and change them then."
    ),
    "InvalidInstanceID.NotFound": "The instance is gone: look with `fab provision.drift`.",
    "InvalidVolume.NotFound": "The volume is gone: look with `fab provision.drift`.",
    "InvalidSnapshot.NotFound": "The snapshot is gone, or still too new to be seen.",
    "IncorrectInstanceState": "Wait until the instance has changed its state, then run again.",
    "IncorrectState": "Wait until it has changed its state, then run again.",
    "InvalidVolume.ZoneMismatch": "A volume attaches to an instance of its own zone only.",
    "VolumeInUse": "Something else has the volume: look at it before going on.",
    "OperationNotPermitted": "It is protected: see the message for the setting that protects it.",
    "UnsupportedOperation": "This endpoint can't do it.",
    "NoCredentials": (
        "Put into site.yaml under cloud.credentials either `profile: NAME`, or"
        " `access_key:` and `secret_key:` as env:NAME or file:PATH."
    ),
    "NoProfile": "Name a profile of ~/.aws/config in cloud.credentials of site.yaml.",
    "Unreachable": "Check cloud.endpoint and cloud.region in site.yaml, and the network.",
    "ReadTimeout": "Whether it was done is not known: run the task again, it looks first.",
    "ConnectionClosed": "Whether it was done is not known: run the task again, it looks first.",
}


class CloudError(OpsError):
    """AWS said no, or nothing at all.

    `code` is AWS's error code, or one of ours: NoCredentials, NoProfile, Unreachable,
    ReadTimeout, ConnectionClosed, WaitTimedOut, BadState, NothingToDo, PartialSet.
    `operation` is the API call ("RunInstances"), `subject` what it was about.
    """

    def __init__(self, code: str, operation: str, subject: str, said: str, hint: str = "") -> None:
        where = f"{operation} {subject}".strip()
        super().__init__(f"{where}: {said} ({code})", hint or hint_for(code))
        self.code = code
        self.operation = operation
        self.subject = subject
        self.said = said

    @property
    def uncertain(self) -> bool:
        """Return whether the work may have been done although no answer says so."""
        return self.code in {"ReadTimeout", "ConnectionClosed"} | _UNCERTAIN


def hint_for(code: str) -> str:
    """Return what to do about an error code of AWS; for unknown codes, where to look."""
    if code in THROTTLED:
        return "AWS limits the calls of this account for now: run the task again later."
    if code in _UNCERTAIN:
        return "AWS has a fault of its own: run the task again later."
    return _HINTS.get(code, "Look the code up in the EC2 API's list of error codes.")


def refused(code: str, operation: str, subject: str, said: str) -> CloudError:
    """Return the CloudError for an error reply; a missing permission is named by its action."""
    said = re.sub(r"\s*Encoded authorization failure message: \S+", "", said).rstrip(".")
    if code in {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException"}:
        said = f"these credentials lack the permission {action(operation)}"
    return CloudError(code, operation, subject, said)


def action(operation: str) -> str:
    """Return the IAM action of an API call: `action("GetParameter") == "ssm:GetParameter"`."""
    service = {"GetParameter": "ssm", "GetCallerIdentity": "sts"}.get(operation, "ec2")
    if "LifecyclePolic" in operation:
        service = "dlm"
    return f"{service}:{operation}"
