"""From a row of a report on seats to the list of the admin that has what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from portal.reports.base import ReportQuery, Row
from seats.cards import seats_url
from seats.models import Account
from seats.reports.scope import accounts_of


class LeadsToList:
    """For a report whose rows name something that a list of the admin finds when it is searched for it."""

    # The list, as `app.model`, and the column whose value is searched for.
    list_of = "seats.seat"
    found_by = "login"
    columns: Any

    def rows_behind(self, query: ReportQuery, rows: Sequence[Row], user: Any) -> Sequence[str]:
        app, model = self.list_of.split(".")
        if not user.has_perm(f"{app}.view_{model}"):
            return [""] * len(rows)
        place = [column.name for column in self.columns(query)].index(self.found_by)
        url = reverse(f"admin:{app}_{model}_changelist")
        return [f"{url}?{urlencode({'q': row[place]})}" if row[place] else "" for row in rows]


class LeadsToSeats:
    """For a report with a row per account and plan: the seats of that plan which the account grants."""

    columns: Any
    seen_with = "seats.view_seat"

    def url_of(self, account: Account, plan: str) -> str:
        return seats_url(account, plan=plan)

    def rows_behind(self, query: ReportQuery, rows: Sequence[Row], user: Any) -> Sequence[str]:
        if not user.has_perm(self.seen_with):
            return [""] * len(rows)
        accounts = {
            (account.organization_label, account.enterprise_label): account for account in accounts_of(query)
        }
        names = [column.name for column in self.columns(query)]
        told = (dict(zip(names, row, strict=True)) for row in rows)
        return [
            self.url_of(account, str(row["plan_type"]))
            if (account := accounts.get((str(row["organization"]), str(row["enterprise"]))))
            else ""
            for row in told
        ]


class LeadsToTakenBack(LeadsToSeats):
    """For a report with a row per account and plan of seats taken back: every proposal for such a seat."""

    seen_with = "seats.view_revocation"

    def url_of(self, account: Account, plan: str) -> str:
        asked = {"seat__account__id__exact": account.pk, "plan": plan}
        return f"{reverse('admin:seats_revocation_changelist')}?{urlencode(asked)}"
