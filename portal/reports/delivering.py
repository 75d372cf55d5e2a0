"""Mail a report that was made by itself, and tell its owner of one that failed.

Each mail is written down before it leaves and after: one that a killed worker had begun may have left, and
is not begun again. The run's page says so.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal import jobs
from portal.mailing import Attached, Outbox, Refused, Unreachable
from portal.models import ReportRun
from portal.reports import files
from portal.reports.recipients import refusals
from portal.reports.writers import CONTENT_TYPES

# A mail server that cannot be reached is tried again after so long, and given up after the last.
TRY_AGAIN = tuple(timedelta(minutes=minutes) for minutes in (2, 10, 60))
SENT, BEGUN, TRIES = "sent", "begun", "tries"
UNSURE = "may have been sent: it was broken off meanwhile, and a report is not sent twice"


class Undelivered(Exception):
    """A report did not get where it should; str() is for its owner."""


def mail(run: ReportRun, addresses: list[str]) -> None:
    """One mail to each address. Raises Undelivered when all were tried, or Later to go on another time."""
    if not addresses:
        raise Undelivered("There is no address to mail it to.")
    if says := refusals(addresses):
        raise Undelivered(" ".join(says))
    subject, body, attached = _content(run)
    unreachable = ""
    with Outbox() as outbox:
        for address in addresses:
            unreachable = _send(run, outbox, address, subject, body, attached) or unreachable
    if unreachable:
        _try_again(run, unreachable)
    run.where_to = ", ".join(f"{address} ({run.mails[address]})" for address in addresses)
    run.save(update_fields=["where_to"])
    bad = [address for address in addresses if run.mails[address] not in (SENT, UNSURE)]
    if bad:
        raise Undelivered(" ".join(f"{address}: {run.mails[address]}" for address in bad))


def _send(
    run: ReportRun, outbox: Outbox, address: str, subject: str, body: str, attached: Attached | None
) -> str:
    """Send one, unless it was; what is wrong with the mail server, if anything is."""
    if (known := run.mails.get(address)) in (SENT, UNSURE):
        return ""
    if known == BEGUN:
        _note(run, address, UNSURE)
        return ""
    _note(run, address, BEGUN)
    try:
        outbox.send(address, subject, body, attached)
    except Refused as error:
        _note(run, address, str(error))
    except Unreachable as error:
        if error.may_have_left:
            _note(run, address, UNSURE)
            return ""
        _note(run, address, str(error))
        return str(error)
    else:
        _note(run, address, SENT)
    return ""


def _note(run: ReportRun, address: str, says: str) -> None:
    run.mails[address] = says
    run.save(update_fields=["mails"])


def _try_again(run: ReportRun, why: str) -> None:
    tries = int(run.mails.get(TRIES, 0))
    if tries < len(TRY_AGAIN):
        run.mails[TRIES] = tries + 1
        run.save(update_fields=["mails"])
        raise jobs.Later(timezone.now() + TRY_AGAIN[tries], why)


def _content(run: ReportRun) -> tuple[str, str, Attached | None]:
    path, size = files.kept_file(run), run.size or 0
    day = run.due_at.date()
    rows = "1 row" if run.rows == 1 else f"{run.rows or 0:,} rows"
    lines = [f"{run.name} of {day} (UTC): {rows}."]
    attached = None
    if path is not None and size <= settings.REPORT_MAIL_MB * 1024 * 1024:
        attached = _attached(path, run)
    else:
        lines.append(f"It is too large for a mail. Who may read it finds it here: {run_url(run)}")
    lines += ["", f"SHA-256 of the file: {run.sha256}", f"Mails of this kind are set here: {_schedules()}"]
    return f"{run.name}, {day}", "\n".join(lines), attached


def _attached(path: Path, run: ReportRun) -> Attached:
    name = f"{run.report}-{run.due_at.date()}.{run.file_format}"
    return Attached(name, path.read_bytes(), CONTENT_TYPES[run.file_format].partition(";")[0])


def run_url(run: ReportRun) -> str:
    return f"{settings.PORTAL_URL}{reverse('admin:portal_reportrun_change', args=[run.pk])}"


def _schedules() -> str:
    return f"{settings.PORTAL_URL}{reverse('admin:portal_reportschedule_changelist')}"


def tell_owner(run: ReportRun) -> None:
    """Say by mail that a run failed, once; the home page says it as well, where mails do not arrive."""
    now = timezone.now()
    # Written down first: two workers, or a killed one, shall not tell it twice.
    if not ReportRun.objects.filter(pk=run.pk, owner_told_at=None).update(owner_told_at=now):
        return
    owner = run.owner
    if owner is None or not owner.is_active or not owner.email:
        return
    body = "\n".join(
        [
            f"The scheduled report “{run.name}” was due on {run.due_at:%Y-%m-%d %H:%M} UTC and failed:",
            "",
            run.error,
            "",
            f"The run: {run_url(run)}",
        ]
    )
    try:
        with Outbox() as outbox:
            outbox.send(owner.email, f"Failed: {run.name}", body)
    except (Refused, Unreachable):
        return
