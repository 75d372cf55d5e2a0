"""Which accounts there are: GitHub lists the organizations of an enterprise nowhere.

They are met in the enterprise's seats (`seats.sync.seats`) and through its teams, which both prove whose
they are; and among the installations of an app and the organizations of a token's user, which do not: a
report's `enterprise_id` will.
"""

from __future__ import annotations

from portal.github import payloads
from portal.github.client import GitHub
from portal.github.errors import MissingPermission, NotFound, PolicyOff, Unprocessable
from portal.models import AuditEntry, Connection
from seats.accounts import meet_current
from seats.models import Account
from seats.sync.tally import Reporter, Tally, listed

Kind = Account.Kind
# What GitHub says where it answers no questions about something: not that it is out of order.
REFUSALS = (NotFound, MissingPermission, PolicyOff, Unprocessable)


def accounts_of(connection: Connection) -> list[Account]:
    """The connection's accounts, enterprises first, each followed by its organizations that have none."""
    own = list(Account.objects.filter(connection=connection).select_related("parent"))
    below = Account.objects.filter(parent__connection=connection, connection=None).select_related("parent")
    accounts = sorted(
        [*own, *below], key=lambda one: (one.kind != Kind.ENTERPRISE, one.login_key or "", one.pk)
    )
    return list(dict.fromkeys(accounts))


def sync(account: Account, github: GitHub, run: Reporter) -> Tally:
    """Learn the account's id and its login of today, and meet the organizations that belong with it."""
    tally = Tally.since_now(github)
    run.progress(0, None, "accounts")
    connection = account.sync_connection
    if account.kind == Kind.ORGANIZATION:
        account = _identify(account, github, connection, tally)
    elif connection is None or not connection.is_app:
        # The teams of an enterprise are closed to GitHub Apps.
        _meet_through_teams(account, github, run, tally)
    if connection is not None and account.pk == _speaker(connection).pk:
        _meet_of_credential(connection, github, run, tally)
    tally.count(github)
    return tally


def _speaker(connection: Connection) -> Account:
    """The account with whose run the credential itself is asked: once, not once an account."""
    return accounts_of(connection)[0]


def _identify(account: Account, github: GitHub, connection: Connection | None, tally: Tally) -> Account:
    """Ask GitHub for the organization; one that was renamed is found by its id."""
    found: payloads.Organization | None = None
    refusal: NotFound | None = None
    if account.login:
        try:
            found = github.organization(account.login)
        except NotFound as error:
            refusal = error
    if found is None:
        same = [one for one in _seen_by(connection, github) if one.id == account.github_id]
        if not same:
            raise refusal or NotFound(
                f"The organization with the id {account.github_id} is not among those that this "
                "credential sees: its login is not known."
            )
        found = same[0]
    return _meet(Kind.ORGANIZATION, found, tally)


def _seen_by(connection: Connection | None, github: GitHub) -> list[payloads.Organization]:
    """As `_of_credential`; none where the server does not tell."""
    try:
        return _of_credential(connection, github)
    except REFUSALS:
        return []


def _of_credential(connection: Connection | None, github: GitHub) -> list[payloads.Organization]:
    """The organizations a credential is of, by what it is: an app's installations or a user's own."""
    if connection is not None and connection.is_app:
        return [one for kind, one in _installed_on(github) if kind == Kind.ORGANIZATION]
    return github.own_organizations()


def _installed_on(github: GitHub) -> list[tuple[str, payloads.Organization]]:
    """The kind, id and login or slug of each account an app is installed on, as far as GitHub tells."""
    found = []
    for installation in github.installations():
        account = installation.account
        if account is None or installation.suspended_at or not account.id:
            continue
        told = (installation.target_type or account.type or "").lower()
        kind = told or (Kind.ENTERPRISE if account.slug and not account.login else "")
        login = account.slug if kind == Kind.ENTERPRISE else account.login
        if kind in Kind.values and login:
            found.append((kind, payloads.Organization(id=account.id, login=login)))
    return found


def _meet(kind: str, found: payloads.Organization, tally: Tally, parent: Account | None = None) -> Account:
    """The account with this id and login, as it is today; counted once."""
    known = Account.objects.filter(id_key=Account.key_of(kind, found.id)).first()
    known = known or Account.objects.filter(login_key=Account.key_of(kind, found.login)).first()
    before = known and (known.pk, known.login, known.github_id, known.parent_id, known.name)
    account = meet_current(kind, login=found.login, github_id=found.id, parent=parent)
    if found.name and account.name != found.name:
        account.name = found.name[:255]
        account.save(update_fields=["name"])
    tally.rows_seen += 1
    if before is None:
        tally.rows_new += 1
    elif before != (account.pk, account.login, account.github_id, account.parent_id, account.name):
        tally.rows_changed += 1
    else:
        tally.rows_unchanged += 1
    return account


def _meet_through_teams(enterprise: Account, github: GitHub, run: Reporter, tally: Tally) -> None:
    """The organizations that enterprise teams are assigned to belong to the enterprise."""
    try:
        teams = github.enterprise_teams(enterprise.login)
    except REFUSALS as error:
        tally.say(f"The teams of the enterprise were not asked for its organizations. {error}")
        return
    found: dict[int, payloads.Organization] = {}
    for number, team in enumerate(teams):
        run.progress(number, len(teams), f"organizations of the team {team.slug}")
        if team.organization_selection_type == "disabled":
            continue
        try:
            found |= {
                one.id: one for one in github.enterprise_team_organizations(enterprise.login, team.slug)
            }
        except REFUSALS as error:
            tally.say(f"The team {team.slug} was not asked for its organizations. {error}")
    for one in found.values():
        _meet(Kind.ORGANIZATION, one, tally, parent=enterprise)


def _meet_of_credential(connection: Connection, github: GitHub, run: Reporter, tally: Tally) -> None:
    """Take on the accounts that an app is installed on, or an enterprise's token may ask about.

    A server that tells neither leaves them to be met in the seats.
    """
    if connection.is_app:
        try:
            installed = _installed_on(github)
        except REFUSALS as error:
            tally.say(f"Where the app is installed could not be asked. {error}")
            return
        for kind, account in installed:
            _take_on(_meet(kind, account, tally), connection)
        return
    if not Account.objects.enterprises().filter(connection=connection).exists():
        # A token for one organization is not leave to ask about every other its owner belongs to.
        return
    left_out = []
    try:
        own = github.own_organizations()
    except REFUSALS as error:
        tally.say(f"The organizations of the token's user could not be asked for. {error}")
        return
    for number, organization in enumerate(own):
        run.progress(number, len(own), organization.login)
        known = Account.objects.filter(id_key=Account.key_of(Kind.ORGANIZATION, organization.id)).first()
        if (known is not None and known.sync_connection) or _answers(github, organization):
            _take_on(_meet(Kind.ORGANIZATION, organization, tally), connection)
        else:
            left_out.append(organization.login)
    if left_out:
        tally.say(
            "Left out, because GitHub answers this credential no question about their seats: "
            f"{listed(sorted(left_out, key=str.lower))}."
        )


def _answers(github: GitHub, organization: payloads.Organization) -> bool:
    """Whether the credential may ask about the organization's seats at all."""
    try:
        github.billing(organization.login)
    except REFUSALS:
        return False
    return True


def _take_on(account: Account, connection: Connection) -> None:
    """An account that nobody speaks for is spoken for by this connection, unless somebody cut it off."""
    cut_off = AuditEntry.objects.filter(action="account disconnected", subject=account.subject)
    if account.sync_connection is None and not cut_off.exists():
        account.connection = connection
        account.save(update_fields=["connection"])
