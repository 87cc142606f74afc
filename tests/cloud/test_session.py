import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.cloud import zones
from ops.cloud.errors import CloudError
from ops.cloud.reach import reach
from ops.cloud.session import Cloud
from ops.lab.aws.server import Server


@pytest.fixture
def listener() -> Iterator[str]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ~/.aws of the test's own, with a profile and an endpoint that leads nowhere."""
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("[default]\nendpoint_url = http://127.0.0.1:1\n[profile ops]\n")
    credentials.write_text(
        "[ops]\naws_access_key_id = AKIAOPSOPSOPSOPSOPS1\naws_secret_access_key = s\n"
    )
    for variable in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    return tmp_path


def test_an_endpoint_without_keys_says_what_to_put_into_site_yaml(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENTAMBIENT12")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    with pytest.raises(CloudError, match="No AWS credentials") as caught:
        zones.identity(Cloud("us-east-1", server.url))
    assert caught.value.code == "NoCredentials"
    assert "site.yaml" in caught.value.hint


def test_keys_from_the_inventory_ignore_the_surroundings(
    server: Server, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    cloud = Cloud("us-east-1", server.url, access_key="AKIAIOSFODNN7EXAMPLE", secret_key="s")
    assert zones.identity(cloud).account == server.account
    cloud.close()


def test_a_profile_gives_the_credentials(server: Server, profiles: Path) -> None:
    cloud = Cloud("us-east-1", server.url, profile="ops")
    assert zones.identity(cloud).account == server.account
    cloud.close()


def test_a_profile_without_credentials_is_no_leave_to_take_the_machines(
    server: Server, profiles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Role(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys = {"AccessKeyId": "AKIAAMBIENTAMBIENT12", "SecretAccessKey": "ambient"}
            body = json.dumps({**keys, "Token": "t", "Expiration": "2099-01-01T00:00:00Z"})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    (profiles / "credentials").write_text("")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Role) as role:
        threading.Thread(target=role.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{role.server_port}/"
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        with pytest.raises(CloudError, match="No AWS credentials in this profile"):
            zones.identity(Cloud("us-east-1", server.url, profile="ops"))
        role.shutdown()


def test_empty_keys_are_no_leave_to_take_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENTAMBIENT12")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    with pytest.raises(CloudError, match="Empty AWS keys"):
        zones.identity(Cloud("us-east-1", server.url, access_key=str, secret_key=str))


def test_an_unknown_profile_is_named(profiles: Path) -> None:
    with pytest.raises(CloudError, match="nosuch: No such AWS profile"):
        zones.identity(Cloud("us-east-1", profile="nosuch"))


def test_nothing_at_all_is_no_credentials(profiles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(CloudError, match="No AWS credentials"):
        zones.identity(Cloud("us-east-1"))


def test_a_closed_endpoint_is_unreachable() -> None:
    cloud = Cloud("us-east-1", "http://127.0.0.1:1", access_key="a", secret_key="b")
    with pytest.raises(CloudError, match="does not answer: connection refused") as caught:
        zones.identity(cloud)
    assert "cloud.endpoint" in caught.value.hint


def test_a_silent_endpoint_is_unreachable(listener: str) -> None:
    cloud = Cloud("us-east-1", listener, access_key="a", secret_key="b", connect_seconds=0.2)
    with pytest.raises(CloudError, match="does not answer") as caught:
        zones.identity(cloud)
    assert caught.value.code == "Unreachable"


def test_an_endpoint_that_takes_its_time_is_reached() -> None:
    seconds = 2.0
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                time.sleep(1.1 * seconds)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        reach(f"http://127.0.0.1:{listening.getsockname()[1]}", seconds)
        answering.join()


def test_an_endpoint_that_is_no_address_is_told() -> None:
    cloud = Cloud("us-east-1", "http://x y", access_key="a", secret_key="b")
    with pytest.raises(CloudError) as caught:
        zones.identity(cloud)
    assert caught.value.code == "Unreachable"


def test_boto3_is_loaded_when_it_is_used() -> None:
    code = (
        "import sys\n"
        "from ops.cloud import addresses, groups, images, instances, keys, policy, snapshots\n"
        "from ops.cloud.session import Cloud\n"
        "Cloud('us-east-1', 'http://127.0.0.1:1')\n"
        "sys.exit(bool({'boto3', 'botocore', 'mypy_boto3_ec2'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_keys_are_asked_for_late_and_never_shown(server: Server) -> None:
    asked: list[str] = []

    def secret() -> str:
        asked.append("secret")
        return "very-secret"

    cloud = Cloud("us-east-1", server.url, access_key="AKIAIOSFODNN7EXAMPLE", secret_key=secret)
    assert "AKIA" not in repr(cloud)
    assert not asked
    zones.identity(cloud)
    assert asked == ["secret"]
    cloud.close()
