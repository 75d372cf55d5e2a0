"""Who is left alone, and by which rules: admins edit policies, exempt people and keep seats.

Each does what a page would do, and writes into the ledger what they did.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.utils import timezone

from seats.models import (
    Account,
    Exemption,
    GitHubUser,
    Holiday,
    InactivityPolicy,
    NoticeTemplate,
    SeatPrice,
    SeatReview,
    Team,
    WorkingCalendar,
)
from seats.reclaim import flag
from tests.seats.reclaim.ledger import AccountKey, Ledger, LeftAlone, Rules
from tests.seats.reclaim.lives import Life
from tests.seats.reclaim.portal_days import Portal
from tests.seats.reclaim.world import Company

PLAIN_RULES = (
    "idle_days", "grace_days", "notice_days", "sign_in_counts", "min_watched_days", "needs_usage_reports",
    "max_seats_per_run", "max_percent_per_run", "max_seats_per_day", "max_percent_per_day",
    "needs_second_person", "confirm_above", "mode", "starts_on", "ends_on",
)  # fmt: skip
State = SeatReview.State
# How the subject of a notice begins, before the word for whom it is meant.
TOLD = "Copilot, to"


def key_of(account: Account) -> AccountKey:
    return f"{account.kind}:{account.login.lower()}"


class RulesDesk:
    def __init__(
        self,
        company: Company,
        portal: Portal,
        ledger: Ledger,
        dice: Random,
        policy: dict[str, Any],
        by: list[Any],
    ) -> None:
        self.company, self.portal, self.ledger, self.dice = company, portal, ledger, dice
        self.admins = by
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self._lay_out()
        self._make_policy(policy)

    def _lay_out(self) -> None:
        """Words and prices, as the first migration leaves them."""
        NoticeTemplate.objects.all().delete()
        words = "{{ organization }}\n{{ reason }}\n{{ link }}\n{{ answer_until }}"
        for kind, body in (("person", words), ("maintainers", "{{ people }}")):
            NoticeTemplate.objects.create(kind=kind, language="en", subject=f"{TOLD} {kind}", body=body)
        for plan, price in (("business", "19.00"), ("enterprise", "39.00")):
            SeatPrice.objects.get_or_create(
                scope_key="all", plan_type=plan, starts_on=date(2023, 2, 14),
                defaults={"monthly_price": Decimal(price), "currency": "USD"},
            )  # fmt: skip

    # --- Policies -------------------------------------------------------------------------------

    def _make_policy(self, wanted: dict[str, Any]) -> None:
        wanted = dict(wanted)
        calendar = None
        if wanted.pop("has_calendar", False):
            calendar = WorkingCalendar.objects.create(name=f"c{self.company.making.seed}")
            for ahead in (20, 21, 50):
                day = timezone.now().date() + timedelta(days=ahead)
                Holiday.objects.create(calendar=calendar, day=day)
        policy, _ = InactivityPolicy.objects.get_or_create(scope_key="all", starts_on=date(2000, 1, 1))
        self._set(policy, working_calendar=calendar, **wanted)

    def _set(self, policy: InactivityPolicy, **wanted: Any) -> None:
        for name, value in wanted.items():
            setattr(policy, name, value)
        policy.save()
        self.portal.midnight()  # an edit on the page refreshes the verdicts, too
        scope = "all"
        if policy.account is not None:
            scope = key_of(policy.account)
        elif policy.team is not None:
            scope = f"team:{policy.team.github_id}"
        calendar = policy.working_calendar
        rules = Rules(
            scope=scope,
            **{name: getattr(policy, name) for name in PLAIN_RULES},
            weekdays=frozenset(
                number for number, name in enumerate(calendar.WEEKDAYS) if getattr(calendar, name)
            )
            if calendar
            else None,
            holidays=frozenset(calendar.holidays.values_list("day", flat=True)) if calendar else frozenset(),
        )
        ledger = self.ledger
        ledger.rules = [one for one in ledger.rules if (one.scope, one.starts_on) != (scope, rules.starts_on)]
        ledger.rules.append(rules)

    def edit_policy(self) -> None:
        """Somebody changes their mind."""
        dice, today = self.dice, timezone.now().date()
        accounts, teams = self.portal.all_ours(), list(Team.objects.filter(listed_at__isnull=False))
        kind = dice.random()
        if kind < 0.4:
            policy = dice.choice(list(InactivityPolicy.objects.all()))
        elif kind < 0.8 or not teams:
            policy = InactivityPolicy(account=dice.choice(accounts), starts_on=today)
        else:
            policy = InactivityPolicy(team=dice.choice(teams), starts_on=today)
        known = InactivityPolicy.objects.filter(scope_key=policy.own_scope_key(), starts_on=policy.starts_on)
        changes = {
            "idle_days": dice.choice([7, 14, 20, 30, 45, 95]),
            "grace_days": dice.choice([0, 7, 14, 30]),
            "notice_days": dice.choice([0, 1, 3, 7]),
            "sign_in_counts": dice.random() < 0.3,
            "needs_second_person": dice.random() < 0.3,
            "mode": dice.choice(["report_only", "propose", "automatic", "automatic"]),
            "max_percent_per_run": dice.choice([5, 10, 30, 100]),
            "max_percent_per_day": dice.choice([10, 20, 50, 100]),
            "max_seats_per_run": dice.choice([1, 3, 50]),
            "max_idle_jump": dice.choice([10, 50, 100]),
        }
        chosen = {name: changes[name] for name in dice.sample(sorted(changes), 3)}
        if policy.pk is None:
            chosen = changes | {"min_watched_days": 3}
            chosen["ends_on"] = today + timedelta(days=20) if dice.random() < 0.3 else None
        self._set(known.first() or policy, **chosen)
        self.counts["policy edited"] += 1

    def change_policy(self, **wanted: Any) -> None:
        """The policy of everybody."""
        self._set(InactivityPolicy.objects.get(scope_key="all"), **wanted)

    # --- Leaving people alone -------------------------------------------------------------------

    def exempt(self, life: Life) -> None:
        dice, today = self.dice, timezone.now().date()
        until = dice.choice([None, today, today + timedelta(days=4), today + timedelta(days=40)])
        about: dict[str, Any] = {}
        ours: dict[str, Any] = {}
        user = GitHubUser.objects.filter(github_id=life.id).first()
        teams = list(Team.objects.filter(listed_at__isnull=False))
        kind = dice.random()
        if kind < 0.6 and user is not None:
            about, ours = {"person": life.id}, {"user": user}
        elif kind < 0.75 and teams:
            team = dice.choice(teams)
            about, ours = {"team": team.github_id}, {"team": team}
        elif kind < 0.9:
            pattern = f"{life.login[:-1]}*"
            about, ours = {"pattern": pattern}, {"login_pattern": pattern}
        else:
            about, ours = {"newcomer_days": 20}, {"newcomer_days": 20}
        account = dice.choice([None, *self.portal.all_ours()])
        row = Exemption(
            reason="so it is",
            starts_on=today,
            until=until,
            account=account,
            created_by=self.admins[0],
            **ours,
        )
        row.full_clean(exclude=["created_by"])
        row.save()
        self.ledger.exemptions.append(
            LeftAlone("so it is", today, until, account=key_of(account) if account else None, **about)
        )
        self.counts["exempted"] += 1

    def exempt_person(self, life: Life) -> None:
        today = timezone.now().date()
        user = GitHubUser.objects.get(github_id=life.id)
        Exemption.objects.create(user=user, reason="on leave", starts_on=today)
        self.ledger.exemptions.append(LeftAlone("on leave", today, None, person=life.id))

    def drop_exemption(self) -> None:
        if rows := list(Exemption.objects.all()):
            at = self.dice.randrange(len(rows))
            # Both are in the order in which they were made.
            rows.sort(key=lambda row: row.pk)
            rows[at].delete()
            del self.ledger.exemptions[at]

    def keep(self, life: Life) -> None:
        until = timezone.now().date() + timedelta(days=self.dice.choice([0, 10, 60]))
        reviews = list(SeatReview.objects.open().filter(seat__user__github_id=life.id).select_related("seat"))
        kept = {review.pk for review in reviews}
        if flag.keep(reviews, self.admins[1], "needed", until):
            for review in SeatReview.objects.filter(pk__in=kept, state=State.KEPT).select_related(
                "seat__account"
            ):
                self.ledger.kept[key_of(review.seat.account), life.id] = until
            self.counts["kept"] += 1
