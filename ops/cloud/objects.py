"""Objects in S3: only whether given keys may delete what they may put there."""

from __future__ import annotations

import re

from ops.cloud.calls import ask
from ops.cloud.errors import CloudError
from ops.cloud.session import Cloud, Key

_URL = re.compile(r"(?P<endpoint>https?://[^/]+)/(?P<bucket>[^/]+)/?(?P<folder>.*)")
_REGION = re.compile(r"//(?:.*\.)?s3[.-](?P<region>[a-z]+-[a-z-]+-[0-9])\.amazonaws\.com")
_REFUSED = ("AccessDenied", "MethodNotAllowed", "403")

CANARY = "ops-canary"
"""The object that is put and deleted; an empty one, which stays where that is refused."""


def may_delete(url: str, access_key: Key, secret_key: Key) -> bool:
    """Return whether these keys may delete below `https://HOST/BUCKET/FOLDER`, by trying it.

    Raise CloudError when that can't be told: no answer, or they may not even put.
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise CloudError("InvalidAddress", "DeleteObject", url, "no address of a bucket")
    region = _REGION.search(found["endpoint"])
    cloud = Cloud(
        region["region"] if region else "us-east-1",
        found["endpoint"],
        access_key=access_key,
        secret_key=secret_key,
    )
    name = f"{found['folder'].rstrip('/')}/{CANARY}".lstrip("/")
    where = {"Bucket": found["bucket"], "Key": name}
    try:
        ask(cloud, name, cloud.s3.put_object, **where, Body=b"")
        ask(cloud, name, cloud.s3.delete_object, **where)
    except CloudError as error:
        if error.operation == "DeleteObject" and error.code in _REFUSED:
            return False
        raise
    finally:
        cloud.close()
    return True
