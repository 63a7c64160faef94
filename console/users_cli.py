"""``billing-console users``: who may sign in, and with which roles."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from billing_core.errors import SettingsError
from billing_core.permissions import Role
from console.users import (
    UserError,
    checked_password,
    checked_roles,
    checked_username,
    entry,
    user_file,
)

users_app = typer.Typer(
    help="Who may sign in. Changes take effect at the next click of whoever they concern.",
    no_args_is_help=True,
)
_Username = Annotated[str, typer.Argument(help="The user name, in small letters.")]
_Password = Annotated[
    str,
    typer.Option(
        prompt=True,
        confirmation_prompt=True,
        hide_input=True,
        help="Asked for when left out, which keeps it out of the shell's history.",
    ),
]


@users_app.command("list")
def list_users() -> None:
    """Show who may sign in, with their roles."""
    with _refusals():
        users = user_file().users()
        if not users:
            typer.echo("Nobody can sign in yet. Add somebody with `billing-console users add`.")
        for user in users.values():
            state = "disabled" if user.disabled else "enabled"
            roles = ",".join(sorted(user.roles))
            typer.echo(f"{user.username}\t{state}\t{roles}\t{user.name}\t{user.email}")


@users_app.command()
def add(
    username: _Username,
    password: _Password,
    name: Annotated[str, typer.Option(help="The full name.")],
    roles: Annotated[str, typer.Option(help="One or several of: support, finance, ops, admin.")],
    email: Annotated[str, typer.Option(help="The e-mail address.")] = "",
) -> None:
    """Add somebody who may sign in."""
    with _refusals():
        chosen = checked_username(username)
        made = _entry(name, email, checked_roles(roles), checked_password(password))

        def edit(entries: dict[str, dict[str, Any]]) -> None:
            if chosen in entries:
                raise UserError(f"There is a user {chosen} already; nothing was changed.")
            entries[chosen] = made

        user_file().change(edit)
        typer.echo(f"{chosen} may sign in now.")


@users_app.command()
def disable(username: _Username) -> None:
    """Keep somebody out, at once, without forgetting them."""
    _edit_one(username, lambda found: found.update(disabled=True), "is out and stays out")


@users_app.command()
def enable(username: _Username) -> None:
    """Let somebody who was disabled in again."""
    _edit_one(username, lambda found: found.pop("disabled", None), "may sign in again")


@users_app.command()
def remove(username: _Username) -> None:
    """Remove somebody for good."""

    def edit(entries: dict[str, dict[str, Any]]) -> None:
        del entries[_existing(entries, username)]

    with _refusals():
        user_file().change(edit)
        typer.echo(f"{username} is removed.")


@users_app.command("set-password")
def set_password(username: _Username, password: _Password) -> None:
    """Give somebody a new password; their open sessions end."""
    from console.passwords import hash_password

    with _refusals():
        hashed = hash_password(checked_password(password))
        _edit_one(username, lambda found: found.update(password=hashed), "has a new password")


@users_app.command("set-roles")
def set_roles(
    username: _Username,
    roles: Annotated[str, typer.Argument(help="One or several of: support, finance, ops, admin.")],
) -> None:
    """Replace somebody's roles."""
    with _refusals():
        chosen = sorted(checked_roles(roles))
        _edit_one(username, lambda found: found.update(roles=chosen), f"is now {', '.join(chosen)}")


@users_app.command()
def sample() -> None:
    """Make one user a role, for trying the console out, unless there are users already.

    Prints the passwords once; only their bcrypt hashes are kept.
    """
    with _refusals():
        passwords = {role: _readable_password() for role in Role}
        made = (
            {
                role.value: _entry(
                    f"Sample {role.value.capitalize()}",
                    f"{role.value}@example.com",
                    frozenset({role.value}),
                    password,
                )
                for role, password in passwords.items()
            }
            if not user_file().users()
            else {}
        )

        def edit(entries: dict[str, dict[str, Any]]) -> None:
            if entries:
                raise UserError("There are users already; no sample users were made.")
            entries.update(made)

        try:
            user_file().change(edit)
        except UserError as refusal:
            typer.echo(str(refusal))
            return
        typer.echo("Sign in as one of these; the passwords are shown this once.")
        for role, password in passwords.items():
            typer.echo(f"  {role.value:<8} {password}")


def _readable_password() -> str:
    """Eighty random bits without the letters and digits that look alike."""
    return "-".join(
        "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4))
        for _ in range(4)
    )


def _entry(name: str, email: str, roles: frozenset[str], password: str) -> dict[str, Any]:
    from console.passwords import hash_password

    return entry(name=name, email=email, roles=roles, password_hash=hash_password(password))


def _edit_one(username: str, edit: Callable[[dict[str, Any]], object], outcome: str) -> None:
    def edit_entries(entries: dict[str, dict[str, Any]]) -> None:
        edit(entries[_existing(entries, username)])

    with _refusals():
        user_file().change(edit_entries)
        typer.echo(f"{username} {outcome}.")


def _existing(entries: dict[str, dict[str, Any]], username: str) -> str:
    wanted = username.strip().lower()
    for name in entries:
        if str(name).lower() == wanted:
            return name
    raise UserError(f"There is no user {wanted}; nothing was changed.")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except UserError as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from None
    except SettingsError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
