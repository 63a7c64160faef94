"""Who may do what: the one table of roles, read by the console and again by the listener."""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """A person's job; somebody may have several."""

    SUPPORT = "support"
    FINANCE = "finance"
    OPS = "ops"
    ADMIN = "admin"


class Permission(StrEnum):
    """One thing that a role may do."""

    READ_ORGANIZATIONS = "organizations.read"
    MINT_LINKS = "links.mint"
    READ_LINKS = "links.read"
    READ_WINDING_DOWN = "winding_down.read"
    READ_WEBHOOKS = "webhooks.read"
    REPLAY_EVENTS = "webhooks.replay"
    READ_PAYLOADS = "payloads.read"
    READ_AUDIT = "audit.read"
    READ_INSIGHTS = "insights.read"
    READ_CONFIGURATION = "configuration.read"
    MANAGE_USERS = "users.manage"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.SUPPORT: frozenset(
        {
            Permission.READ_ORGANIZATIONS,
            Permission.MINT_LINKS,
            Permission.READ_LINKS,
            Permission.READ_INSIGHTS,
        }
    ),
    Role.FINANCE: frozenset(
        {
            Permission.READ_ORGANIZATIONS,
            Permission.READ_WINDING_DOWN,
            Permission.READ_INSIGHTS,
        }
    ),
    Role.OPS: frozenset(
        {
            Permission.READ_ORGANIZATIONS,
            Permission.READ_WEBHOOKS,
            Permission.REPLAY_EVENTS,
            Permission.READ_PAYLOADS,
            Permission.READ_CONFIGURATION,
        }
    ),
    Role.ADMIN: frozenset(Permission),
}


def may(roles: Iterable[str], permission: Permission) -> bool:
    """Whether one of ``roles`` (unknown ones give nothing) carries ``permission``."""
    known = {role.value: role for role in Role}
    return any(permission in PERMISSIONS[known[role]] for role in roles if role in known)
