"""What is mailed, by a real SMTP server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from ops.backup import watch
from ops.errors import OpsError
from ops.inventory.schema import Mail
from tests.backup.test_standing import NOW, judged
from tests.support.smtp import Smtp


@pytest.fixture
def smtp() -> Iterator[Smtp]:
    server = Smtp()
    yield server
    server.close()


def mail(port: int) -> Mail:
    told = {"smtp": "127.0.0.1", "port": port, "from": "ops@a.example", "to": ["x@b.example"]}
    return Mail.model_validate(told)


def made(*texts: str, subject: str = "s", port: int = 25) -> EmailMessage:
    return watch.message(mail(port), subject, texts, NOW)


def test_a_mail_is_handed_to_the_smtp_host(smtp: Smtp) -> None:
    watch.send(mail(smtp.port), made("müde", ".", subject="[c] backups:\n 1 faults"))
    got = message_from_bytes(smtp.mails[0], policy=default)
    assert got["Subject"] == "[c] backups: 1 faults" and got["To"] == "x@b.example"
    assert got["Date"] == "Sun, 22 Nov 2026 10:00:00 +0000" and got["Auto-Submitted"]
    body = got.get_body()
    assert body is not None and "müde" in body.get_content()


def test_a_mail_that_is_not_taken_is_an_error() -> None:
    server = Smtp(refuse="x@b")
    try:
        with pytest.raises(OpsError, match="could not be sent by 127"):
            watch.send(mail(server.port), made("hello"))
    finally:
        server.close()


def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.socket() as held:  # nobody else is given the port meanwhile
        held.bind(("127.0.0.1", 0))
        with pytest.raises(OpsError, match="Connection refused"):
            watch.send(mail(held.getsockname()[1]), made("hello"))


def test_the_mail_says_first_what_is_wrong() -> None:
    late, waiting = judged(last=None, run="", newest_run=""), judged(since=None, last=None)
    subject, text = watch.report([judged(), late, waiting], ["schedule: gone"], "papa")
    assert subject == "[papa] backups: 3 faults"
    assert text[0].startswith("1 of 3 backups are as declared")
    assert text[2:5] == ["Wrong:", "  schedule: gone", "  wiki snapshot: there is none"]
    assert text[5] == "  wiki snapshot: did not run at 2026-11-22 02:15Z"
    assert text[-1] == "  wiki snapshot: nothing to back up yet"


def test_the_mail_comes_also_when_all_is_well() -> None:
    subject, text = watch.report([judged(), replace(judged(), component="a")], [], "papa")
    assert subject == "[papa] backups: all as declared"
    assert text == ["2 of 2 backups are as declared, made in time and proven."]


def test_nothing_declared_is_told_as_such() -> None:
    assert watch.report([], [], "papa")[1] == ["No component declares backups."]
