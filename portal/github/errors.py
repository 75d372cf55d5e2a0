"""What can go wrong, as decisions: each class calls for another reaction.

`str()` is one or two sentences for an admin: what happened and what to do about it. No error holds a
token, the address of a download or the exception of a library, which might hold either.
"""

from __future__ import annotations

from datetime import datetime


class GitHubError(Exception):
    """A call that did not succeed."""

    def __init__(self, says: str, *, status: int | None = None) -> None:
        super().__init__(says)
        self.status = status  # of the answer; None where there was none
        self.said = ""  # GitHub's own words, without addresses and secrets


class BadCredentials(GitHubError):
    """401: GitHub does not know the credential, or no longer."""


class MissingPermission(GitHubError):
    """403: a scope, a role, an approval or single sign-on is missing."""

    def __init__(self, says: str, *, needed: str = "", status: int | None = None) -> None:
        super().__init__(says, status=status)
        self.needed = needed  # the scopes or permissions that would do, as GitHub names them


class PolicyOff(GitHubError):
    """Copilot, or its usage metrics, are switched off or not set up for the account."""


class NotFound(GitHubError):
    """404: there is no such thing, or the credential may not see it."""


class Gone(GitHubError):
    """410: GitHub has retired what was asked for."""


class RateLimited(GitHubError):
    """GitHub asked to wait for longer than the client may sleep: nothing may be sent before `until`."""

    def __init__(
        self, says: str, *, until: datetime, secondary: bool = False, status: int | None = None
    ) -> None:
        super().__init__(says, status=status)
        self.until = until  # UTC
        self.secondary = secondary  # asked for by GitHub's abuse guard, not by the hourly allowance


class ServerTrouble(GitHubError):
    """No whole answer came, in as many tries as were allowed: later it may."""


class UnexpectedReply(GitHubError):
    """An answer that GitHub does not give: a web page, another shape, a link to another host."""


class Unprocessable(GitHubError):
    """400, 409, 422 and the like: GitHub understood the call and will not carry it out."""
