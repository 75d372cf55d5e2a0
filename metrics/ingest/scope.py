"""Which account a record belongs to, checked against the account that was named for the file."""

from __future__ import annotations

from metrics.ingest.options import Options, Refused
from portal.models import ReportFile
from seats.accounts import AnotherAccount, WrongAccount, meet, meet_current
from seats.models import Account

Ids = tuple[int | None, int | None]


class Scopes:
    """Accounts by (enterprise id, organization id), met once per import."""

    def __init__(self, options: Options, *, names_owners: bool = False) -> None:
        """`names_owners`: an enterprise's own report names an organization in its records, too."""
        self.options = options
        self.names_owners = names_owners
        # What is taken in, once it is: what it tells of an account goes with it.
        self.file: ReportFile | None = None
        self._accounts: dict[Ids, Account] = {}
        # The id that the file tells of an account of which none was known when the file began.
        self._taught: int | None = None
        self._is_known: bool | None = None

    def forget(self) -> None:
        """After a roll-back the accounts made in it are gone."""
        self._accounts.clear()

    def of(self, enterprise_id: int | None, organization_id: int | None) -> Account:
        """The account with these ids; raises WrongAccount where that contradicts what was named.

        Refused where the file itself is at odds over who it is that was named.
        """
        ids = (enterprise_id, organization_id)
        account = self._accounts.get(ids)
        if account is None:
            self.learn(enterprise_id, organization_id)
            try:
                account = self._meet(enterprise_id, organization_id)
            except AnotherAccount as error:
                raise WrongAccount(f"{error} {self._advice}") from error
            self._accounts[ids] = account
        return account

    def may_learn(self) -> bool:
        """Whether an account was named whose id is not known: the file's lines tell it."""
        if self._is_known is None:
            self._is_known = self._knows_id()
        return not self._is_known

    def learn(self, enterprise_id: int | None, organization_id: int | None) -> None:
        """Hear which id a line tells of the named account, where none is known; Refused of a second one.

        The first line would else decide for ever who that account is.
        """
        told = self._id_told(enterprise_id, organization_id)
        if told is None or not self.may_learn():
            return
        if self._taught is None:
            self._taught = told
        elif self._taught != told:
            first, second = sorted((self._taught, told))
            raise Refused(
                f"It is of two {self._kind}s, with the ids {first} and {second}, and which of them is "
                f"{self._login} is not known. {self._advice}"
            )

    @property
    def key(self) -> str:
        """What the id of the account that was named is called in a record."""
        return f"{self._kind}_id"

    @property
    def _kind(self) -> str:
        return "organization" if self.options.organization else "enterprise"

    @property
    def _login(self) -> str:
        """What the account is called that was named; empty if none was."""
        return self.options.organization or self.options.enterprise

    @property
    def _advice(self) -> str:
        return f"Leave out the {self._kind} (--{self._kind}): each line then goes to the one it names."

    def _id_told(self, enterprise_id: int | None, organization_id: int | None) -> int | None:
        """What a line with these ids says of the id of the account that was named."""
        if self.options.organization:
            return organization_id
        if self.options.enterprise and (self.names_owners or organization_id is None):
            return enterprise_id
        return None

    def _knows_id(self) -> bool:
        """Whether the id of the account that was named is known, or none was named."""
        if not self._login:
            return True
        named = Account.objects.named(self._kind, self._login)
        return named.filter(github_id__isnull=False).exists()

    def named(self) -> Account | None:
        """The account that was named for the file, or None."""
        if self.options.organization:
            return self._named(Account.Kind.ORGANIZATION, self.options.organization)
        if self.options.enterprise:
            return self._named(Account.Kind.ENTERPRISE, self.options.enterprise)
        return None

    def _named(self, kind: str, login: str) -> Account:
        known = Account.objects.named(kind, login).first()
        return known or meet(kind, login=login)

    def _meet(self, enterprise_id: int | None, organization_id: int | None) -> Account:
        named = self.options.organization or self.options.enterprise
        if enterprise_id is None and organization_id is None:
            account = self.named()
            if account is None:
                raise WrongAccount("It names no organization and no enterprise: say which one it is of.")
            return account
        if self.options.enterprise and self.names_owners:
            return self._meet_named(Account.Kind.ENTERPRISE, self.options.enterprise, enterprise_id, None)
        if self.options.enterprise and organization_id is not None:
            raise WrongAccount(
                f"This is a report of the organization with the id {organization_id}, not of the enterprise "
                f"{named}: name the organization instead."
            )
        if self.options.organization and organization_id is None:
            raise WrongAccount(
                f"This is a report of the enterprise with the id {enterprise_id}, not of the organization "
                f"{named}: name the enterprise instead."
            )
        if organization_id is None:
            return self._meet_named(Account.Kind.ENTERPRISE, self.options.enterprise, enterprise_id, None)
        parent = meet(Account.Kind.ENTERPRISE, github_id=enterprise_id) if enterprise_id else None
        return self._meet_named(Account.Kind.ORGANIZATION, self.options.organization, organization_id, parent)

    def _meet_named(self, kind: str, login: str, github_id: int | None, parent: Account | None) -> Account:
        # An account whose login we never met may be named by its id.
        if login == str(github_id):
            login = ""
        try:
            return meet(kind, login=login, github_id=github_id, parent=parent, file=self.file)
        except WrongAccount:
            if not (github_id and login and self._is_news(kind, login)):
                raise
            return meet_current(kind, login=login, github_id=github_id, parent=parent)

    def _is_news(self, kind: str, login: str) -> bool:
        """Whether GitHub itself answered under a login that no account with an id bears: a new name."""
        named = Account.objects.filter(login_key=Account.key_of(kind, login))
        return self.options.observed_at is not None and not named.filter(github_id__isnull=False).exists()
