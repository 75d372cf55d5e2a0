"""The pages of the seats app; importing registers them."""

from seats.admin import (
    account,
    connected_accounts,
    exemption,
    github_user,
    policy,
    price,
    review,
    seat,
    seat_roster,
    team,
)

__all__ = [
    "account",
    "connected_accounts",
    "exemption",
    "github_user",
    "policy",
    "price",
    "review",
    "seat",
    "seat_roster",
    "team",
]
