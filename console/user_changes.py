"""Every change to the users, for the page, for `billing-console users` and for one's own password.

Making a change raises UserError with a sentence for values that cannot be; applying it, where the
file speaks against it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from billing_core.commands import UserAction
from console.sessions import session_store
from console.user_rules import checked_email, checked_name, checked_roles, checked_username
from console.users import NO_PASSWORD, Entries, UserError, user_file

ONE_TIME_LIFETIME = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its name in the audit log, whom it concerns, the roles that it gives."""

    action: UserAction
    username: str
    edit: Callable[[Entries], None]
    roles: str | None = None

    def check(self) -> None:
        """Raise UserError if the file speaks against it now."""
        user_file().check(self.edit)

    def apply(self) -> None:
        """Do it; except for new roles, every session of the person ends. Raises UserError."""
        user_file().change(self.edit)
        if self.action == "user.remove":
            session_store().forget(self.username)
        elif self.action != "user.set_roles":
            session_store().close_all(self.username)


def add(
    username: str,
    *,
    name: str,
    email: str,
    roles: str,
    password_hash: str = NO_PASSWORD,
    one_time: bool = False,
) -> Change:
    """Somebody new. Without a password they come through the sign-in provider, by their e-mail."""
    address = checked_email(email)
    by_provider = password_hash == NO_PASSWORD
    if by_provider and not address:
        raise UserError("Whoever signs in through the provider needs an e-mail address.")
    chosen = address if by_provider else checked_username(username)
    first, _, last = checked_name(name).partition(" ")
    given = sorted(checked_roles(roles))

    def edit(entries: Entries) -> None:
        if _found(entries, chosen) is not None:
            raise UserError(f"There is a user {chosen} already; nothing was changed.")
        entries[chosen] = {
            "first_name": first,
            "last_name": last,
            "email": address,
            "roles": given,
            **_password(password_hash, one_time=one_time),
        }

    return Change("user.add", chosen, edit, ",".join(given))


def disable(username: str) -> Change:
    """Keep somebody out, at once, without forgetting them."""
    return _change("user.disable", username, lambda found: found.update(disabled=True))


def keep_out(email: str, name: str) -> Change:
    """Keep somebody out who comes through the provider and is not in the file."""
    address = checked_email(email)
    first, _, last = checked_name(name).partition(" ")

    def edit(entries: Entries) -> None:
        made = entries.setdefault(
            _found(entries, address) or address,
            {"first_name": first, "last_name": last, "email": address, "roles": []}
            | _password(NO_PASSWORD, one_time=False),
        )
        made.update(disabled=True)

    return Change("user.disable", address, edit)


def enable(username: str) -> Change:
    """Let somebody who was disabled in again."""
    return _change("user.enable", username, lambda found: found.pop("disabled", None))


def remove(username: str) -> Change:
    """Forget somebody for good."""
    chosen = username.strip().lower()

    def edit(entries: Entries) -> None:
        del entries[_existing(entries, chosen)]

    return Change("user.remove", chosen, edit)


def set_roles(username: str, roles: str) -> Change:
    """Replace somebody's roles."""
    given = sorted(checked_roles(roles))
    return _change(
        "user.set_roles", username, lambda found: found.update(roles=given), ",".join(given)
    )


def reset_password(username: str, password_hash: str, *, one_time: bool) -> Change:
    """Give somebody a new password; a one-time one has to be replaced within 72 hours."""
    return _new_password("user.reset_password", username, password_hash, one_time=one_time)


def change_password(username: str, password_hash: str) -> Change:
    """Give oneself a new password."""
    return _new_password("user.change_password", username, password_hash, one_time=False)


def _new_password(
    action: UserAction, username: str, password_hash: str, *, one_time: bool
) -> Change:
    def edit(found: dict[str, Any]) -> None:
        found.pop("one_time_until", None)
        found.update(_password(password_hash, one_time=one_time))

    return _change(action, username, edit)


def _password(password_hash: str, *, one_time: bool) -> dict[str, str]:
    if not one_time:
        return {"password": password_hash}
    until = datetime.now(UTC) + ONE_TIME_LIFETIME
    return {"password": password_hash, "one_time_until": until.isoformat(timespec="seconds")}


def _change(
    action: UserAction,
    username: str,
    edit: Callable[[dict[str, Any]], object],
    roles: str | None = None,
) -> Change:
    chosen = username.strip().lower()

    def edit_entries(entries: Entries) -> None:
        edit(entries[_existing(entries, chosen)])

    return Change(action, chosen, edit_entries, roles)


def _existing(entries: Entries, username: str) -> str:
    found = _found(entries, username)
    if found is None:
        raise UserError(f"There is no user {username}; nothing was changed.")
    return found


def _found(entries: Entries, username: str) -> str | None:
    return next((name for name in entries if str(name).lower() == username), None)
