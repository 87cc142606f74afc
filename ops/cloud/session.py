"""The session with one region of one AWS account: who we are, where it is, its clients."""

from __future__ import annotations

import functools
import importlib
import os
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ops.cloud.errors import CloudError
from ops.cloud.faults import translated

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from botocore.config import Config
    from botocore.loaders import Loader
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

    DLMClient = Any  # its stubs are not among the development tools
    S3Client = Any

Key = str | Callable[[], str]
"""A credential, or what hands it out when it is needed (`Secret.reveal`)."""

_SESSION = "session"
LOOPBACK = ("127.", "localhost", "[::1]")


@dataclass(frozen=True)
class Cloud:
    """One region of one account, from plain values; the first client is made when first used.

    With `access_key` and `secret_key` nothing is read from ~/.aws or the environment. With
    `profile` its credentials are used. With neither, boto3's own chain (environment,
    ~/.aws, the instance's role) is asked, but only without `endpoint`: a lab never sees
    ambient credentials. `watch` hears the name of each API call before it is sent.
    """

    region: str
    endpoint: str | None = None
    profile: str | None = None
    access_key: Key | None = field(default=None, repr=False)
    secret_key: Key | None = field(default=None, repr=False)
    session_token: Key | None = field(default=None, repr=False)
    connect_seconds: float = 3
    read_seconds: float = 60
    attempts: int = 4
    """How often botocore sends one call at most; calls without a token are sent once."""
    throttle_delays: tuple[float, ...] = (1, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15)
    """Pauses, in seconds, before a throttled call is made again: about two minutes."""
    watch: Callable[[str], None] | None = field(default=None, repr=False, compare=False)
    _clients: dict[tuple[str, bool], Any] = field(default_factory=dict, repr=False, compare=False)
    _lock: threading.RLock = field(
        default_factory=threading.RLock, repr=False, compare=False, hash=False
    )

    @property
    def ec2(self) -> EC2Client:
        """Return the EC2 client; it asks again by itself when no answer comes."""
        return cast("EC2Client", self._client("ec2"))

    @property
    def ec2_once(self) -> EC2Client:
        """Return an EC2 client that sends each call once: for calls without a token."""
        return cast("EC2Client", self._client("ec2", once=True))

    @property
    def ssm(self) -> SSMClient:
        """Return the client of Systems Manager, for its public parameters."""
        return cast("SSMClient", self._client("ssm"))

    @property
    def sts(self) -> STSClient:
        """Return the client that says who we are."""
        return cast("STSClient", self._client("sts"))

    @property
    def dlm(self) -> DLMClient:
        """Return the client of Data Lifecycle Manager."""
        return self._client("dlm")

    @property
    def s3(self) -> S3Client:
        """Return the client of S3."""
        return self._client("s3")

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        with self._lock:
            for (service, _), client in self._clients.items():
                if service != _SESSION:
                    client.close()
            self._clients.clear()

    def _client(self, service: str, *, once: bool = False) -> Any:
        with self._lock:
            if (service, once) not in self._clients:
                if not self._clients:
                    self._reach()
                self._clients[service, once] = self._connected(service, 1 if once else None)
            return self._clients[service, once]

    def _connected(self, service: str, attempts: int | None) -> Any:
        where = self.endpoint or self.region
        try:
            return translated("", where, lambda: self._new_client(service, attempts))
        except ValueError as error:
            said = f"no address of AWS: {error}"
            raise CloudError("Unreachable", "", where, said) from None

    def _new_client(self, service: str, attempts: int | None) -> Any:
        session = self._session()
        client = session.client(
            cast("Any", service),
            endpoint_url=self.endpoint,
            config=_config(self, attempts or self.attempts),
        )
        if self.watch:
            watch = self.watch
            client.meta.events.register(
                "before-call", lambda model, **_: watch(f"{service}:{model.name}")
            )
        return client

    def _session(self) -> boto3.Session:
        with self._lock:
            if (_SESSION, False) not in self._clients:
                self._clients[_SESSION, False] = _new_session(self)
            return cast("boto3.Session", self._clients[_SESSION, False])

    def _reach(self) -> None:
        if self.endpoint:
            from ops.cloud.reach import reach

            reach(self.endpoint, self.connect_seconds)


def _config(cloud: Cloud, attempts: int) -> Config:
    from botocore.config import Config

    known: dict[str, Any] = {"ignore_configured_endpoint_urls": True}  # not in the type stubs
    local = (urllib.parse.urlsplit(cloud.endpoint or "").netloc or "").startswith(LOOPBACK)
    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=cloud.connect_seconds,
        read_timeout=cloud.read_seconds,
        max_pool_connections=32,
        user_agent_extra="ops-suite",
        proxies={} if local else None,
        s3={"addressing_style": "path"},  # a bucket is no name of a host where S3 is not AWS's
        **known,
    )


def _new_session(cloud: Cloud) -> boto3.Session:
    if cloud.access_key and cloud.secret_key:
        return _explicit(cloud)
    if cloud.profile:
        return _by_profile(cloud, cloud.profile)
    if cloud.endpoint or cloud.access_key or cloud.secret_key:
        raise CloudError("NoCredentials", "", cloud.endpoint or "", "No AWS credentials")
    import botocore.session

    session = _made(botocore.session.Session(), region_name=cloud.region)
    if session.get_credentials() is None:
        raise CloudError("NoCredentials", "", cloud.region, "No AWS credentials")
    return session


def _explicit(cloud: Cloud) -> boto3.Session:
    """Return a session that knows only what is given: no ~/.aws, no AWS_PROFILE."""
    import botocore.session

    access, secret = _value(cloud.access_key), _value(cloud.secret_key)
    if not access or not secret:  # boto3 would look for others
        raise CloudError("NoCredentials", "", cloud.endpoint or cloud.region, "Empty AWS keys")
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return _made(
        core,
        aws_access_key_id=access,
        aws_secret_access_key=secret,
        aws_session_token=_value(cloud.session_token),
        region_name=cloud.region,
    )


def _by_profile(cloud: Cloud, profile: str) -> boto3.Session:
    """Return a session with the profile's own credentials; the machine's role is no substitute."""
    import botocore.session
    from botocore.exceptions import ProfileNotFound

    core = botocore.session.Session(profile=profile)
    try:
        session = _made(core, region_name=cloud.region)
        for ambient in ("container-role", "iam-role"):
            core.get_component("credential_provider").remove(ambient)
    except ProfileNotFound:
        raise CloudError("NoProfile", "", profile, "No such AWS profile") from None
    if session.get_credentials() is None:
        raise CloudError("NoCredentials", "", profile, "No AWS credentials in this profile")
    return session


def _made(core: botocore.session.Session, **given: str | None) -> boto3.Session:
    """Return a session of boto3 on botocore's; all share what describes AWS."""
    import boto3

    loader = _loader(core.get_config_variable("data_path"))
    core.register_component("data_loader", loader)
    session = boto3.Session(botocore_session=core, **cast("Any", given))
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # each session adds boto3's own
    return session


def read_ahead(*modules: str) -> None:
    """Read what describes EC2, for the sessions of this process and of those that it forks.

    `modules`, by their whole names, are what uses these sessions there: loaded as well.
    """
    for name in modules:
        importlib.import_module(name)
    nobody = "-"
    Cloud("us-east-1", access_key=nobody, secret_key=nobody)._client("ec2")


@functools.cache
def _loader(path: str | None) -> Loader:
    """Return what reads AWS's descriptions: megabytes of JSON, once for all of this process."""
    from botocore.loaders import create_loader

    return create_loader(path)


def _value(key: Key | None) -> str | None:
    return key() if callable(key) else key
