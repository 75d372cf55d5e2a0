"""Ask GitHub about one seat, now: what a person does who does not want to wait for the next list."""

from __future__ import annotations

from typing import Any

from portal import jobs
from portal.github.errors import NotFound
from portal.models import AuditEntry, Job
from seats.accounts import WrongAccount
from seats.models import Seat
from seats.sync import one_seat, steps
from seats.sync.tally import Tally

KIND = "ask-seat"
DOORWAY = "seats.tasks.ask_about_seat"


def ask(seat: Seat, by: Any = None) -> Job:
    """Ask at once, in this process; the job as it ended, with a sentence in its tally or its error."""
    AuditEntry.objects.record("seat asked about", subject=f"seat:{seat.pk}", actor=by)
    return jobs.run_here(KIND, f"seat:{seat.pk}", DOORWAY, {"seat": seat.pk, "names": [str(seat)]}, by)


def work(run: jobs.Run) -> dict[str, Any]:
    seat = (
        Seat.objects.select_related("user", "account__connection", "account__parent__connection")
        .filter(pk=run.arguments["seat"])
        .first()
    )
    if seat is None:
        raise jobs.Refused("There is no such seat.")
    with steps.open_github(seat.account, should_stop=run.should_stop) as github:
        tally = Tally.since_now(github)
        try:
            applied = one_seat.ask(seat, github)
        except NotFound as error:
            raise jobs.Refused(
                f"GitHub shows no seat of {seat.user} in {seat.account}. If it was taken back, the next "
                f"complete list ends it here. {error}"
            ) from error
        except (one_seat.ChangedHands, WrongAccount) as error:
            raise jobs.Refused(str(error)) from error
        finally:
            tally.count(github)
    tally.rows_seen = applied.new + applied.changed + applied.unchanged + applied.superseded
    tally.rows_new, tally.rows_changed = applied.new, applied.changed
    tally.rows_unchanged = applied.unchanged + applied.superseded
    return tally.as_dict()
