"""What a file alone told of an account: that this login has that id, or belongs to that enterprise."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q

from metrics.formats.kinds import BILLS, Kind
from metrics.ingest.ids_told import ids_told
from metrics.ingest.pipelines import USAGE
from metrics.undo.memory import seats_in
from metrics.undo.overlap import STANDING, is_readable, options_said
from portal.models import AuditEntry, ReportFile
from seats.accounts import JOINED, lock, unlearn
from seats.models import Account


@transaction.atomic
def take_back(files: Collection[ReportFile]) -> None:
    """Let accounts be known by what is told without these files.

    What another file tells as well stays, and so does what cannot be parted any more: an id by which another
    file's rows came here, a login under which they did.
    """
    pks = {one.pk for one in files}
    told = [account.pk for account in Account.objects.all() if pks & set(account.told_by.values())]
    for account in lock(Q(pk__in=told)):
        if account.sync_connection is None:
            _take_back(account, {name for name, pk in account.told_by.items() if pk in pks}, pks)


def _take_back(account: Account, names: Collection[str], pks: Collection[int]) -> None:
    others = _others(account, pks)
    gone: set[str] = set()
    parent: Account | None = None
    for name in sorted(names):
        if name == "parent":
            told = _parent_told(account, others)
            if told is None:
                gone.add(name)
                continue
            teller, parent = told
            if parent != account.parent:
                gone.add(name)
        else:
            tells = _tells_id if name == "github_id" else _tells_login
            first = next((file for file in others if tells(file, account)), None)
            if first is None:
                gone.add(name)
                continue
            teller = first
        account.told_by = {**account.told_by, name: teller.pk}
    account.save(update_fields=["told_by"])
    if gone:
        unlearn(account, gone, parent)


def _others(account: Account, pks: Collection[int]) -> list[ReportFile]:
    """The other files of this account that stand, or come in, in the order in which they came."""
    # A file about several accounts bears no subject.
    others = ReportFile.objects.filter(Q(subject=account.subject) | Q(subject=""))
    standing = others.filter(state__in=(*STANDING, ReportFile.State.READING))
    return list(standing.exclude(pk__in=pks).order_by("pk"))


def _tells_id(file: ReportFile, account: Account) -> bool:
    """Whether its rows came to this account by its id. Of a file that is kept no longer nobody knows."""
    if not _has_ids(file):
        return False
    if not is_readable(file):
        return True
    if file.kind == Kind.SEATS:
        return any(grant.organization_id == account.github_id for grant in seats_in(file).grants)
    place = 1 if account.kind == Account.Kind.ORGANIZATION else 0
    return any(ids[place] == account.github_id for ids in ids_told(file))


def _tells_login(file: ReportFile, account: Account) -> bool:
    """Whether it was of this account by name."""
    options = options_said(file)
    named = options.organization if account.kind == Account.Kind.ORGANIZATION else options.enterprise
    return named.lower() == account.login.lower() or file.kind == Kind.SEATS or file.kind in BILLS


def _parent_told(account: Account, others: Collection[ReportFile]) -> tuple[ReportFile, Account] | None:
    """The first file that tells an enterprise of this organization, and which."""
    for file in others:
        if not _has_ids(file) or file.kind == Kind.SEATS:
            continue
        if not is_readable(file) and account.parent is not None:
            return file, account.parent
        for enterprise_id, organization_id in ids_told(file):
            if organization_id == account.github_id and enterprise_id is not None:
                key = Account.key_of(Account.Kind.ENTERPRISE, enterprise_id)
                if (parent := Account.objects.filter(id_key=key).first()) is not None:
                    return file, parent
    return None


def _has_ids(file: ReportFile) -> bool:
    return file.kind == Kind.SEATS or (file.kind in USAGE and USAGE[Kind(file.kind)].tells_ids)


def joined_by(files: Collection[ReportFile]) -> list[str]:
    """What these files made one account of two, which no undo parts: a sentence for each."""
    pks = {str(one.pk) for one in files}
    return [
        f"{entry.detail.get('login') or entry.detail['was']} was joined with {_label(entry.subject)}, whose "
        "name it is by this file: undoing it does not part the two again."
        for entry in AuditEntry.objects.filter(action=JOINED).order_by("pk")
        if entry.detail.get("file") in pks
    ]


def _label(subject: str) -> str:
    kind, _, key = subject.partition(":")
    account = Account.objects.filter(pk=key).first()
    return f"the {kind} with the id {account.github_id}" if account is not None else subject
