"""What the Users page's buttons do: each runs before the page is drawn anew, and says how it went.

Each begins with who is signed in at that moment; the rules are those of ``console.managing``.
"""

from collections.abc import Callable
from functools import partial

import streamlit as st

from billing_core.errors import BillingError, SettingsError
from billing_core.permissions import Permission
from console import elements, held, identity, managing, one_time, user_changes
from console.one_time import OneTime
from console.passwords import generated_password, hash_password
from console.people import Person
from console.user_changes import Change
from console.users import NO_PASSWORD, UserError


def _said() -> list[tuple[str, str]]:
    """A sentence and its tone, where there is one."""
    return held.place("users_said", tuple[str, str])


def say() -> None:
    """How the last action went, once."""
    said = _said()
    while said:
        elements.notice(*said.pop())


def say_if_denied() -> None:
    """The same above a page that is closed to whoever has lost the right since they opened it."""
    principal = identity.current()
    if principal is None or not principal.may(Permission.MANAGE_USERS):
        say()


def add(*, by_provider: bool) -> None:
    """Add whom the form describes, and open their page."""
    state, given = st.session_state, one_time.place()
    typed = str(state.get("new_username") or "").strip().lower()
    password = "" if by_provider else held.once(("password", typed), generated_password)

    def make() -> Change:
        return user_changes.add(
            state["new_username"] if not by_provider else state["new_email"],
            name=state["new_name"],
            email=state["new_email"],
            roles=_chosen("new_roles"),
            password_hash=hash_password(password) if password else NO_PASSWORD,
            one_time=bool(password),
        )

    change = _perform(make, "may sign in now.", once="add")
    if change is None:
        return
    if password:
        given[:] = [OneTime(change.username, password)]
    _open(change.username)


def just_added() -> str | None:
    """Whom the form has added, where a second press kept it from opening their page."""
    if "new" not in st.query_params:
        return None
    for each in one_time.place():
        _open(each.username)
        return each.username
    return None


def save_roles(person: Person, key: str) -> None:
    """Give somebody the roles that are chosen in the widget ``key``."""

    def make() -> Change:
        roles = _chosen(key)
        if person.in_file:
            return user_changes.set_roles(person.username, roles)
        return user_changes.add(person.username, name=person.name, email=person.email, roles=roles)

    _perform(make, "has these roles now.")


def reset_password(person: Person) -> None:
    """Give somebody a one-time password, to be shown once."""
    given = one_time.place()
    password = held.once(("reset", person.username), generated_password)
    done = _perform(
        lambda: user_changes.reset_password(
            person.username, hash_password(password), one_time=True
        ),
        "is signed out everywhere and needs the one-time password.",
        once="reset",
    )
    if done is not None:
        given[:] = [OneTime(person.username, password)]


def disable(person: Person) -> None:
    """Keep somebody out, at once."""
    _perform(
        lambda: (
            user_changes.disable(person.username)
            if person.in_file
            else user_changes.keep_out(person.email, person.name)
        ),
        "is out and stays out.",
    )


def enable(person: Person) -> None:
    """Let somebody in again."""
    _perform(lambda: user_changes.enable(person.username), "may sign in again.")


def remove(person: Person) -> None:
    """Forget somebody, and go back to the list."""
    if _perform(lambda: user_changes.remove(person.username), "is removed.") is not None:
        st.query_params.clear()


def _open(username: str) -> None:
    st.query_params.from_dict({"user": username})


def _chosen(key: str) -> str:
    roles = ",".join(st.session_state[key])
    if not roles:
        raise UserError("Choose at least one role; nothing was changed.")
    return roles


def _perform(make: Callable[[], Change], outcome: str, *, once: str | None = None) -> Change | None:
    """Do what ``make`` makes; the change if it was done. A second press of ``once`` changes nothing."""
    said = _said()
    try:
        principal = identity.current()
        if principal is None:
            return None
        change = make()
        perform = partial(managing.perform, principal, change)
        if once is None:
            perform()
            held.begin_anew()
        else:
            held.once((once, principal.username, change.username), perform)
    except UserError as refusal:
        said[:] = [(str(refusal), "warn")]
    except (BillingError, SettingsError) as error:
        said[:] = [(str(error), "bad")]
    else:
        said[:] = [(f"{change.username} {outcome}", "good")]
        return change
    return None
