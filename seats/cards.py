"""Panels of the home page that count seats and money."""

from __future__ import annotations

from django.db.models import Max
from django.http import HttpRequest
from django.urls import reverse

from portal.cards import Cell, Chart, Choice, Figure, Figures, Panel, Sentence, Series, Table, card
from portal.freshness import source_of
from seats.figures import Cost, SeatFigures, all_seats, by_account, of_account
from seats.models import Account, InactivityPolicy, Seat, SeatRoster
from seats.models.seat import PlanType, Verdict
from seats.verdicts import today

# More accounts than these are reached through their list.
SHOWN_ACCOUNTS = 15
CHOICES = 500

# In reading order: what is fine, what is waiting, what is to be looked at.
VERDICT_COLOURS = {
    Verdict.ACTIVE: "#12a150",
    Verdict.IN_GRACE: "#3b82f6",
    Verdict.EXEMPT: "#7c8db5",
    Verdict.PENDING: "#d98a00",
    Verdict.IDLE: "#dc2626",
    Verdict.NEVER_USED: "#f97066",
    Verdict.UNKNOWN: "#8b93a1",
}


def chosen_account(request: HttpRequest) -> Account | None:
    """The account the page is asked about, by `?account=`; None: all of them."""
    key = request.GET.get("account", "")
    if not key.isdecimal() or len(key) > 18:
        return None
    return Account.objects.select_related("parent").filter(pk=int(key)).first()


def seats_url(account: Account | None, **filters: str) -> str:
    """The seats list, filtered: where a number leads to the rows it counts."""
    asked = {"account": str(account.pk)} if account else {}
    query = "&".join(f"{name}={value}" for name, value in {**asked, **filters}.items())
    return f"{reverse('admin:seats_seat_changelist')}{'?' if query else ''}{query}"


@card(order=0, permission="seats.view_account")
def scope(request: HttpRequest) -> Panel | None:
    accounts = list(Account.objects.order_by("kind", "login_key", "pk")[:CHOICES])
    if len(accounts) < 2:
        return None
    account = chosen_account(request)
    options = [("", "All organizations and enterprises")]
    options += [(str(row.pk), f"{row.label} ({row.get_kind_display()})") for row in accounts]
    return Choice("account", "Scope", options, str(account.pk) if account else "")


@card(order=10, permission="seats.view_seat")
def overview(request: HttpRequest) -> list[Panel] | None:
    account = chosen_account(request)
    if not Seat.objects.exists():
        return None
    figures = of_account(account) if account else all_seats()
    return [
        _totals(figures, account),
        _policy(figures, account),
        _by_plan(figures, account),
        _by_verdict(figures, account),
    ]


def _totals(figures: SeatFigures, account: Account | None) -> Figures:
    held, inactive = figures.seats, figures.inactive
    billed = f"{figures.licences:,} licences"
    if figures.cost.unpriced:
        billed += f", {figures.cost.unpriced:,} of them without a known price"
    return Figures(
        f"Seats of {account.label}" if account else "Seats",
        [
            Figure("Seats held", f"{held:,}", seats_url(account), "now"),
            Figure(
                "Active",
                f"{figures.active:,}",
                seats_url(account, verdict="active"),
                _share(figures.active, held),
            ),
            Figure(
                "Inactive",
                f"{inactive:,}",
                seats_url(account, verdict="inactive"),
                _share(inactive, held),
                "bad" if inactive else "",
            ),
            Figure("Estimated monthly cost", _amounts(figures.cost), _prices_url(), billed),
            Figure(
                "Cost of inactive seats",
                _amounts(figures.idle_cost),
                seats_url(account, verdict="inactive"),
                "a month, if all were taken back",
                "bad" if figures.idle_cost.amounts else "",
            ),
        ],
        note=_freshness(account),
    )


def _amounts(cost: Cost) -> str:
    """What is known of a cost; the seats without a price are told beside it."""
    return " + ".join(str(money) for money in cost.money) or ("–" if cost.unpriced else "0.00")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%} of seats held" if whole else "no seats held"


def _prices_url() -> str:
    return reverse("admin:seats_seatprice_changelist")


def _freshness(account: Account | None) -> str:
    """As of when, from which file: the newest seat list, and the oldest where accounts differ."""
    rosters = SeatRoster.objects.covering(account) if account else SeatRoster.objects.all()
    newest = rosters.select_related("file").order_by("-last_observed_at", "-pk").first()
    if newest is None:
        return "No seat list was taken in yet: these seats are known from activity reports only."
    said = f"As of {newest.last_observed_at:%Y-%m-%d %H:%M} UTC"
    said += f", from {source_of(newest.file)}." if newest.file else "."
    if account is None:
        per_account = rosters.order_by().values("account").annotate(newest=Max("last_observed_at"))
        oldest = per_account.order_by("newest").values_list("newest", flat=True).first()
        if oldest and oldest.date() < newest.last_observed_at.date():
            said += f" The oldest of the organizations' newest lists is of {oldest:%Y-%m-%d}."
    return f"{said} Verdicts are of {today()} (UTC)."


def _policy(figures: SeatFigures, account: Account | None) -> Sentence:
    policies = InactivityPolicy.objects.deciding(today())
    by_account_id = {policy.account_id: policy for policy in policies if not policy.team_id}
    policy = by_account_id.get(None)
    if account:
        policy = by_account_id.get(account.pk) or by_account_id.get(account.parent_id) or policy
    if policy is None:
        text = "There is no inactivity policy."
    else:
        sign_in = "use or sign-in" if policy.sign_in_counts else "use"
        text = (
            f"Seats are inactive after {policy.idle_days} days without {sign_in}; "
            f"{policy.grace_days} days of grace after a seat is granted. "
        )
    count = figures.inactive
    text += "1 seat is inactive today." if count == 1 else f"{count:,} seats are inactive today."
    if nearer := len(policies) - 1:
        some = "policy decides" if nearer == 1 else "policies decide"
        text += f" {nearer} nearer {some} for some accounts or teams."
    links = [("See inactive seats", seats_url(account, verdict="inactive"))]
    links.append(("Inactivity policies", reverse("admin:seats_inactivitypolicy_changelist")))
    return Sentence("What the policy says", text, links)


def _by_plan(figures: SeatFigures, account: Account | None) -> Table:
    plans = sorted(figures.by_plan.items(), key=lambda item: (-item[1], item[0]))
    labels = dict(PlanType.choices)
    return Table(
        "Seats by plan",
        ["Plan", "Seats", "Share"],
        [
            [
                Cell(str(labels.get(plan, plan)).capitalize()),
                Cell(f"{count:,}", seats_url(account, plan=plan)),
                Cell(f"{count / figures.seats:.0%}" if figures.seats else "–"),
            ]
            for plan, count in plans
        ],
        note="Seats held now.",
        wide=False,
    )


def _by_verdict(figures: SeatFigures, account: Account | None) -> Chart:
    shown = [verdict for verdict in VERDICT_COLOURS if figures.by_verdict[verdict]]
    labels = [verdict.label.capitalize() for verdict in shown]
    counts = [figures.by_verdict[verdict] for verdict in shown]
    return Chart(
        key="verdicts",
        title="Seats by verdict",
        kind="bar",
        labels=labels,
        series=[Series("Seats", counts, [VERDICT_COLOURS[verdict] for verdict in shown])],
        headers=["Verdict", "Seats"],
        rows=[
            [Cell(label), Cell(f"{count:,}", seats_url(account, verdict=verdict.value))]
            for label, count, verdict in zip(labels, counts, shown, strict=True)
        ],
        note="Seats held now. Inactive are those that are idle or were never used.",
        more=("See all seats", seats_url(account)),
    )


@card(order=90, permission="seats.view_account")
def accounts(request: HttpRequest) -> Panel | None:
    figures = by_account()
    every = Account.objects.select_related("parent")
    counted = [(account, found) for account in every if (found := figures(account)).seats]
    if len(counted) < 2:
        return None
    counted.sort(key=lambda row: (-row[1].seats, row[0].kind, row[0].pk))
    list_url = reverse("admin:seats_account_changelist")
    return Table(
        "Organizations and enterprises",
        ["Name", "Seats", "Active", "Inactive", "Per month", "Inactive, per month"],
        [
            [
                Cell(
                    f"{account.label} ({account.get_kind_display()})",
                    reverse("admin:seats_account_change", args=[account.pk]),
                ),
                Cell(f"{found.seats:,}", seats_url(account)),
                Cell(f"{found.active:,}", seats_url(account, verdict="active")),
                Cell(f"{found.inactive:,}", seats_url(account, verdict="inactive")),
                Cell(_amounts(found.cost)),
                Cell(_amounts(found.idle_cost)),
            ]
            for account, found in counted[:SHOWN_ACCOUNTS]
        ],
        note="Rows do not add up: an enterprise's includes its organizations, and it pays for a person once.",
        more=(f"All {len(counted)}", list_url) if len(counted) > SHOWN_ACCOUNTS else ("The list", list_url),
    )
