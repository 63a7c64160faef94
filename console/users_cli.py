"""``billing-console users``: who may sign in, and with which roles."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from billing_core.errors import SettingsError
from billing_core.permissions import Role
from console import user_changes
from console.user_changes import Change
from console.user_rules import checked_password
from console.users import Entries, UserError, user_file

users_app = typer.Typer(
    help="Who may sign in. Changes take effect at the next click of whoever they concern."
    " What is done here, on the machine itself, is not in the audit log; the Users page's is.",
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
        hashed = _hash(checked_password(password, username))
        change = user_changes.add(
            username, name=name, email=email, roles=roles, password_hash=hashed
        )
        _apply(change, "may sign in now")


@users_app.command()
def disable(username: _Username) -> None:
    """Keep somebody out, at once, without forgetting them."""
    _apply(user_changes.disable(username), "is out and stays out")


@users_app.command()
def enable(username: _Username) -> None:
    """Let somebody who was disabled in again."""
    _apply(user_changes.enable(username), "may sign in again")


@users_app.command()
def remove(username: _Username) -> None:
    """Remove somebody for good."""
    _apply(user_changes.remove(username), "is removed")


@users_app.command("set-password")
def set_password(username: _Username, password: _Password) -> None:
    """Give somebody a new password; their open sessions end."""
    with _refusals():
        hashed = _hash(checked_password(password, username))
        _apply(user_changes.reset_password(username, hashed, one_time=False), "has a new password")


@users_app.command("set-roles")
def set_roles(
    username: _Username,
    roles: Annotated[str, typer.Argument(help="One or several of: support, finance, ops, admin.")],
) -> None:
    """Replace somebody's roles."""
    with _refusals():
        change = user_changes.set_roles(username, roles)
        _apply(change, f"is now {(change.roles or '').replace(',', ', ')}")


@users_app.command()
def sample() -> None:
    """Make one user a role, for trying the console out, unless there are users already.

    Prints the passwords once; only their bcrypt hashes are kept.
    """
    from console.passwords import generated_password

    with _refusals():
        if user_file().users():
            typer.echo("There are users already; no sample users were made.")
            return
        passwords = {role.value: generated_password() for role in Role}
        made = [_sample(role, password) for role, password in passwords.items()]

        def edit(entries: Entries) -> None:
            for each in made:
                each.edit(entries)

        user_file().change(edit)
        typer.echo("Sign in as one of these; the passwords are shown this once.")
        for role, password in passwords.items():
            typer.echo(f"  {role:<8} {password}")


def _sample(role: str, password: str) -> Change:
    return user_changes.add(
        role,
        name=f"Sample {role.capitalize()}",
        email=f"{role}@example.com",
        roles=role,
        password_hash=_hash(password),
    )


def _hash(password: str) -> str:
    from console.passwords import hash_password

    return hash_password(password)


def _apply(change: Change, outcome: str) -> None:
    with _refusals():
        change.apply()
        typer.echo(f"{change.username} {outcome}.")


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
