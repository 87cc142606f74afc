"""Tell by mail what of the backups is late, failed or unproven; also that all is well.

A mail comes with every look, so that one that is missing says something, too.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING

from ops.backup import crontab, policies
from ops.backup.standing import Line
from ops.errors import OpsError

if TYPE_CHECKING:
    from ops.inventory.repository import Repository
    from ops.inventory.schema import Mail

PATIENCE = 30
"""Seconds that the mail server has for an answer."""


def schedule_faults(repo: Repository) -> list[str]:
    """Return what is wrong with the installed schedule: that jobs run is cron's to do.

    With engine dlm AWS is asked for its policies, too.
    """
    faults = []
    try:
        before = crontab.read()
        if before != crontab.wanted(repo, before):
            faults.append("the crontab is not as the inventory wants it: fab backup.schedule")
        if repo.site().schedule.engine == "dlm" and (drifted := policies.plan(repo)):
            faults += [step.words for step in drifted.steps]
    except OpsError as error:
        faults.append(error.message)
    return [f"schedule: {fault}" for fault in faults]


def report(lines: Sequence[Line], others: Sequence[str], where: str) -> tuple[str, list[str]]:
    """Return the subject and the lines of a mail: first what is wrong, then what is not due."""
    bad = [
        *others,
        *(f"{one.component} {one.kind}: {fault}" for one in lines for fault in one.faults),
    ]
    waiting = [f"{one.component} {one.kind}: {words}" for one in lines for words in one.open]
    good = sum(one.health == "good" for one in lines)
    subject = (
        f"[{where}] backups: {len(bad)} faults" if bad else f"[{where}] backups: all as declared"
    )
    text = [f"{good} of {len(lines)} backups are as declared, made in time and proven."]
    if not lines:
        text = ["No component declares backups."]
    if bad:
        text += ["", "Wrong:", *(f"  {one}" for one in bad)]
    if waiting:
        text += ["", "Not due yet:", *(f"  {one}" for one in waiting)]
    return subject, text


def message(mail: Mail, subject: str, text: Sequence[str], now: datetime) -> EmailMessage:
    """Return a mail. Line breaks within the subject's words become blanks."""
    made = EmailMessage()
    made["From"], made["To"] = mail.sender, ", ".join(mail.to)
    made["Subject"] = " ".join(subject.split())
    made["Date"] = format_datetime(now)
    made["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"
    made.set_content("".join(f"{line}\n" for line in text), charset="utf-8")
    return made


def send(mail: Mail, made: EmailMessage) -> None:
    """Hand a mail to the SMTP host. Raise OpsError when it does not take it for all of them."""
    try:
        with smtplib.SMTP(mail.smtp, mail.port, timeout=PATIENCE) as server:
            refused = server.send_message(made, mail.sender, mail.to)
    except (OSError, smtplib.SMTPException) as error:
        raise _not_sent(mail, str(error) or type(error).__name__) from None
    if refused:
        words = "; ".join(f"{to}: {said!r}" for to, said in sorted(refused.items()))
        raise _not_sent(mail, f"refused for {words}")


def _not_sent(mail: Mail, said: str) -> OpsError:
    return OpsError(
        f"the mail could not be sent by {mail.smtp}:{mail.port}: {said}",
        "Look at mail in site.yaml. Nobody was told but who reads this.",
    )
