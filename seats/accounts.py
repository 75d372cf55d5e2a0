"""Meeting accounts by login or by id, and making one of the two when they prove to be the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from portal.models import AuditEntry, Job, ReportFile
from seats import current_rosters, seat_history
from seats.models import (
    Account,
    InactivityPolicy,
    NoticeTemplate,
    RemovalTask,
    RevocationBatch,
    Seat,
    SeatPrice,
    SeatRequest,
    SeatRoster,
    Team,
    UnitPrice,
)
from seats.models.account import AccountQuerySet
from seats.reclaim.frozen import kept_frozen

# The account that goes, and the one that stays.
Joining = Callable[[Account, Account], None]
_joining: list[Joining] = []


def before_joining(told: Joining) -> Joining:
    """Register a function that is told of two accounts that prove to be one, before anything moves.

    Within the transaction, both locked: for what hangs on an account beyond what seats know of.
    """
    _joining.append(told)
    return told


class WrongAccount(Exception):
    """What a file says of its account contradicts what we know; the text says how."""


class AnotherAccount(WrongAccount):
    """The account that was named is not the one that the file speaks of."""

    @classmethod
    def by_id(cls, kind: str, label: str, known: int, told: int) -> AnotherAccount:
        """The account of this login has another id."""
        return cls(f"The {kind} {label} has the id {known}, not {told}: this is of another {kind}.")

    @classmethod
    def by_login(cls, kind: str, github_id: int | None, known: str, told: str) -> AnotherAccount:
        """The account of this id has another login."""
        return cls(f"The {kind} with the id {github_id} is {known}, not {told}: this is of another {kind}.")


def lock(wanted: models.Q) -> list[Account]:
    """These accounts, locked until the transaction ends, and whoever else locks any accounts kept waiting.

    People, their logins and evidence are shared by all accounts: who writes them takes turns, instead of
    meeting somebody else halfway, which a database ends by refusing one of the two.
    """
    first = Account.objects.order_by("pk").values_list("pk", flat=True).first()
    chosen = list(Account.objects.filter(wanted).values_list("pk", flat=True))
    rows = Account.objects.select_for_update().select_related(None).filter(pk__in={first, *chosen})
    return [account for account in rows.order_by("pk") if account.pk in chosen]


def take_turns() -> None:
    """Wait for whoever has locked accounts, and keep others waiting until the transaction ends."""
    # The one that `lock` begins with.
    list(Account.objects.select_for_update().order_by("pk").values_list("pk")[:1])


def meet(
    kind: str,
    *,
    login: str = "",
    github_id: int | None = None,
    parent: Account | None = None,
    file: ReportFile | None = None,
) -> Account:
    """The account of this login and id, made if new; what was missing of it is filled in.

    `file`: what tells so, to be taken back with it. Raises WrongAccount where login and id belong to
    different accounts.
    """
    known = _known(Account.objects.all(), kind, login, github_id)
    if len(known) == 1 and not any(_told_of(known[0], login, github_id, parent)):
        return _checked(known[0], login, github_id)

    def make() -> Account:
        # Read anew, and as it stands by now: others may have made it, or told more of it, meanwhile.
        met = _known(Account.objects.select_for_update(), kind, login, github_id)
        account = _made_one(met, login, github_id, file) if met else Account(kind=kind)
        return _complete(_checked(account, login, github_id), login, github_id, parent, file)

    return _in_turn(make)


def _known(rows: AccountQuerySet, kind: str, login: str, github_id: int | None) -> list[Account]:
    """The account of this id and that of this login, in this order, once where they are the same."""
    by_id = rows.filter(id_key=Account.key_of(kind, github_id)).first() if github_id else None
    by_login = rows.filter(login_key=Account.key_of(kind, login)).first() if login else None
    return list(dict.fromkeys(account for account in (by_id, by_login) if account is not None))


def _made_one(met: list[Account], login: str, github_id: int | None, file: ReportFile | None) -> Account:
    """The account that was met; of one by its id and another by its login, both in one."""
    if len(met) == 1:
        return met[0]
    by_id, by_login = met
    if by_login.github_id is not None and github_id is not None:
        raise AnotherAccount.by_id(by_id.kind, by_login.label, by_login.github_id, github_id)
    if by_id.login:
        raise AnotherAccount.by_login(by_id.kind, github_id, by_id.login, login)
    return merge(by_login, into=by_id, file=file)


def _checked(account: Account, login: str, github_id: int | None) -> Account:
    if account.github_id is not None and github_id is not None and account.github_id != github_id:
        raise AnotherAccount.by_id(account.kind, account.label, account.github_id, github_id)
    if account.login and login and account.login.lower() != login.lower() and not account.bore(login):
        raise AnotherAccount.by_login(account.kind, account.github_id, account.login, login)
    return account


def _in_turn(make: Callable[[], Account]) -> Account:
    """What `make` makes while nobody else makes accounts, so that it finds what others have made.

    As long as there is no account there is nothing to wait at: whoever then comes second is told so by the
    database, and makes it once more, when the first is there to be found.
    """
    try:
        with transaction.atomic():
            take_turns()
            return make()
    except IntegrityError:
        with transaction.atomic():
            take_turns()
            return make()


def meet_current(kind: str, *, login: str, github_id: int, parent: Account | None = None) -> Account:
    """As `meet`, for what GitHub says right now: another login of a known id is a new name of it.

    `parent` is the enterprise that GitHub says it belongs to today; None says nothing.
    """
    return _in_turn(partial(_meet_current, kind, login, github_id, parent))


def _meet_current(kind: str, login: str, github_id: int, parent: Account | None) -> Account:
    rows = Account.objects.select_for_update()
    account = rows.filter(id_key=Account.key_of(kind, github_id)).first()
    named = rows.filter(login_key=Account.key_of(kind, login)).first()
    if named is not None and named != account:
        if named.github_id is not None:
            # The login went to another account: who bore it before is known by its id alone.
            _name(named, "")
            named.save()
        else:
            account = named if account is None else merge(named, into=account)
    account = account or Account(kind=kind)
    before = (account.login, account.github_id, account.parent_id, account.told_by)
    account.github_id = github_id
    _name(account, login)
    if parent is not None and kind == Account.Kind.ORGANIZATION:
        _move_below(account, parent)
    # GitHub says so itself, whatever becomes of files.
    sure = {"login", "github_id"} if parent is None else {"login", "github_id", "parent"}
    account.told_by = {name: pk for name, pk in account.told_by.items() if name not in sure}
    if before != (account.login, account.github_id, account.parent_id, account.told_by):
        account.save()
    return account


def _name(account: Account, login: str) -> None:
    """Let the account bear this login from now on; saved by the caller."""
    was, account.login = account.login, login
    if was and was.lower() != login.lower():
        account.former_logins = [*(name for name in account.former_logins if name != login), was]
        AuditEntry.objects.record(
            "account renamed", subject=account.subject, detail={"was": was, "login": login}
        )


def _move_below(account: Account, parent: Account) -> None:
    """Let the organization belong to this enterprise from now on; saved by the caller."""
    was = account.parent
    if was != parent:
        _set_parent(account, parent)
    if was is not None and was != parent:
        AuditEntry.objects.record(
            "account moved", subject=account.subject, detail={"was": was.label, "enterprise": parent.label}
        )


def _set_parent(account: Account, parent: Account) -> None:
    """Other rosters cover its seats from now on than until now."""
    if account.pk is not None:
        current_rosters.release([account.pk, account.parent_id, parent.pk])
    account.parent = parent


def _complete(
    account: Account, login: str, github_id: int | None, parent: Account | None, file: ReportFile | None
) -> Account:
    before = (account.pk, account.login, account.github_id, account.parent_id)
    if file is not None:
        told = _told_of(account, login, github_id, parent)
        account.told_by = {**account.told_by, **dict.fromkeys(told, file.pk)}
    account.login = account.login or login
    account.github_id = account.github_id if account.github_id is not None else github_id
    if account.kind == Account.Kind.ORGANIZATION and parent is not None and account.parent_id is None:
        _set_parent(account, parent)
    if before != (account.pk, account.login, account.github_id, account.parent_id) or account.pk is None:
        account.save()
    return account


def _told_of(account: Account, login: str, github_id: int | None, parent: Account | None) -> Iterator[str]:
    """What of an account that was known without it is learnt now."""
    if account.github_id is None and github_id is not None and (account.login or login):
        yield "github_id"
    elif not account.login and login:
        yield "login"
    if account.kind == Account.Kind.ORGANIZATION and account.parent_id is None and parent is not None:
        yield "parent"


@transaction.atomic
def unlearn(account: Account, names: Collection[str], parent: Account | None = None) -> None:
    """Take back what a file alone told of an account; `parent`: the enterprise that others tell instead."""
    was = {name: str(getattr(account, name)) for name in names}
    if "github_id" in names:
        account.github_id = None
    if "login" in names:
        account.login = ""
    if "parent" in names:
        current_rosters.release([pk for pk in (account.pk, account.parent_id) if pk])
        account.parent = None
        if parent is not None:
            _set_parent(account, parent)
    gone = {name for name in names if name != "parent" or parent is None}
    account.told_by = {name: pk for name, pk in account.told_by.items() if name not in gone}
    account.save()
    AuditEntry.objects.record("account told of no longer", subject=account.subject, detail=was)


JOINED = "accounts joined"


@transaction.atomic
def merge(loser: Account, *, into: Account, file: ReportFile | None = None) -> Account:
    """Move all that hangs on `loser` to `into`, and drop `loser`: they were one all along."""
    lock(models.Q(pk__in=[loser.pk, into.pk]))
    current_rosters.release([loser.pk, into.pk])
    for tell in _joining:
        tell(loser, into)
    batches = list(RevocationBatch.objects.filter(account__in=[loser, into]))
    with kept_frozen(batches, f"{loser.subject} proved to be {into.subject}."):
        _move_all(loser, into)
    for model in (ReportFile, Job):
        model._default_manager.filter(subject=loser.subject).update(subject=into.subject)
    said = {"was": loser.subject, "login": loser.login}
    if file is not None:
        said["file"] = str(file.pk)
    AuditEntry.objects.record(JOINED, subject=into.subject, detail=said)
    # That the two are one is not taken back: what came of either is told apart no more.
    into.told_by = {name: pk for name, pk in into.told_by.items() if name == "parent"}
    into.login = into.login or loser.login
    into.parent = into.parent or loser.parent
    into.connection = into.connection or loser.connection
    # The unique keys must be free before the other account takes them.
    loser.delete()
    into.save()
    return into


def _move_all(loser: models.Model, winner: models.Model) -> None:
    """What hangs on one of two rows that are the same, to the other; keys that name the row are told anew."""
    for relation in loser._meta.related_objects:
        _move(relation.related_model, relation.field.name, loser, winner)
    for model in SCOPED:
        for field in model._meta.concrete_fields:
            if field.is_relation and field.related_model is type(winner):
                _tell_anew(model._default_manager.filter(**{field.name: winner}))


ASKED_TWICE = "Two accounts proved to be one, and in both a seat was asked for."

# Rows with a key of their own that names their account or team.
SCOPED: tuple[type[models.Model], ...] = (InactivityPolicy, SeatPrice, UnitPrice, NoticeTemplate, SeatRequest)


def _tell_anew(rows: models.QuerySet[models.Model]) -> None:
    for row in rows:
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError:
            # Both had one: the one that is already in place stays.
            if isinstance(row, SeatRequest):
                _withdraw(row)
            else:
                row.delete()


def _withdraw(request: SeatRequest) -> None:
    SeatRequest.objects.filter(pk=request.pk).update(
        state=SeatRequest.State.WITHDRAWN,
        open_key=None,
        decision=ASKED_TWICE,
        decided_by=None,
        decided_at=timezone.now(),
    )
    AuditEntry.objects.record(
        "seat request withdrawn",
        subject=request.subject,
        detail={"login": request.login, "account": request.account.subject, "reason": ASKED_TWICE},
    )


def _move(model: type[models.Model], field: str, loser: models.Model, winner: models.Model) -> None:
    rows = model._base_manager.filter(**{field: loser})
    if model is RemovalTask:
        seat_history.tasks(RemovalTask.objects.filter(**{field: loser}), **{field: winner})
        return
    try:
        with transaction.atomic():
            rows.update(**{field: winner})
    except IntegrityError:
        # Both had the same fact: the one that is already in place stays.
        for row in rows:
            try:
                with transaction.atomic():
                    model._base_manager.filter(pk=row.pk).update(**{field: winner})
            except IntegrityError:
                _give_way(row, winner)
                row.delete()


def _give_way(row: models.Model, winner: models.Model) -> None:
    """What hangs on a row that both accounts had goes on with the one that stays."""
    if isinstance(row, Seat):
        seat_history.follow(row, Seat.objects.get(account_id=winner.pk, user_id=row.user_id))
    elif isinstance(row, SeatRoster):
        stays = SeatRoster.objects.get(account_id=winner.pk, observed_at=row.observed_at)
        for file in row.told_by.all():
            stays.note_tellers([file])
    elif isinstance(row, Team):
        _move_all(row, Team.objects.get(account_id=winner.pk, github_id=row.github_id))
