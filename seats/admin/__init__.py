"""The pages of the seats app; importing registers them."""

from seats.admin import account, exemption, github_user, policy, price, review, seat, team

__all__ = ["account", "exemption", "github_user", "policy", "price", "review", "seat", "team"]
