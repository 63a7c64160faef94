"""One person who may sign in: what is known of them, and what can be done."""

from collections.abc import Callable

import streamlit as st
from markupsafe import Markup

from billing_core.permissions import Role
from console import elements, labels, one_time, user_actions
from console.identity import Principal
from console.people import Person
from console.settings import console_settings
from console.user_list import last_sign_in, provider_name, roles_text, state_badge
from console.user_rules import LONGEST_EMAIL, LONGEST_NAME
from console.viewer import Viewer

_ROLES = [role.value for role in Role]
_BY_PASSWORD, _BY_PROVIDER = "password", "provider"
_HINTS = {
    _BY_PASSWORD: "You get a one-time password to pass on; they choose their own when they first"
    " sign in.",
    _BY_PROVIDER: "They are known by the e-mail address that the provider has verified.",
}


def show(person: Person, principal: Principal, who: Viewer) -> None:
    """Everything about one person."""
    elements.show(elements.link("← All users", "/users"))
    elements.page_heading(person.name, Markup("{}").format(person.username))
    user_actions.say()
    one_time.show(person.username)
    elements.show(elements.facts(_facts(person, who)))
    _roles(person)
    elements.section("Access")
    if person.username == principal.username:
        elements.show(elements.quiet("This is you. “Change password” is below your name."))
    with st.container(horizontal=True, key="user_access"):
        _buttons(person, principal)


def add_form() -> None:
    """The form for somebody new."""
    elements.show(elements.link("← All users", "/users"))
    elements.page_heading("Add a user")
    user_actions.say()
    way = _way_in()
    by_provider = way == _BY_PROVIDER
    elements.show(elements.quiet(_HINTS[way]))
    with st.form("add_user", width=520):
        st.text_input("Full name", key="new_name", max_chars=LONGEST_NAME)
        if not by_provider:
            st.text_input(
                "Username",
                key="new_username",
                max_chars=64,
                placeholder="Small letters, digits, dots and dashes",
            )
        st.text_input(
            "E-mail address" if by_provider else "E-mail address (optional)",
            key="new_email",
            max_chars=LONGEST_EMAIL,
        )
        st.multiselect("Roles", _ROLES, format_func=labels.ROLES.__getitem__, key="new_roles")
        st.form_submit_button(
            "Add user",
            type="primary",
            on_click=user_actions.add,
            kwargs={"by_provider": by_provider},
        )


def _way_in() -> str:
    if console_settings().oidc() is None:
        return _BY_PASSWORD
    if not console_settings().console_password_sign_in:
        return _BY_PROVIDER
    ways = {_BY_PASSWORD: "With a password", _BY_PROVIDER: f"With {provider_name()}"}
    return st.radio("Signs in", list(ways), format_func=ways.__getitem__, key="new_way")


def _facts(person: Person, who: Viewer) -> list[tuple[str, elements.Text]]:
    by_password = person.method == _BY_PASSWORD
    facts: list[tuple[str, elements.Text]] = [
        ("State", state_badge(person)),
        ("Roles", roles_text(person)),
        ("Signs in", "With a password" if by_password else f"With {provider_name()}"),
        ("E-mail", elements.untrusted(person.email)),
        ("Last sign-in", last_sign_in(person, who)),
    ]
    if person.one_time_until is not None:
        facts.append(("One-time password until", elements.time(person.one_time_until, who)))
    return facts


def _roles(person: Person) -> None:
    by_password = person.method == _BY_PASSWORD
    note = "" if by_password else f"on top of those from {provider_name()}"
    elements.section("Roles" if by_password else "Roles given here", note)
    key = f"roles_{person.username}_{'_'.join(sorted(person.roles))}"
    with st.form(f"roles_of_{person.username}", border=False, width=520):
        st.multiselect(
            "Roles",
            _ROLES,
            default=[role for role in _ROLES if role in person.roles],
            format_func=labels.ROLES.__getitem__,
            key=key,
            label_visibility="collapsed",
        )
        st.form_submit_button("Save roles", on_click=user_actions.save_roles, args=(person, key))


def _buttons(person: Person, principal: Principal) -> None:
    myself = person.username == principal.username
    if person.method == _BY_PASSWORD and not myself:
        _button("Give a one-time password", "key", user_actions.reset_password, person)
    if person.disabled:
        _button("Enable", "lock_open", user_actions.enable, person)
    else:
        _button("Disable", "block", user_actions.disable, person)
    if person.in_file:
        with st.popover("Remove…", icon=":material/delete:"):
            elements.show(
                Markup("<p>Remove {} for good? The audit log keeps what they did.</p>").format(
                    elements.untrusted(person.name)
                )
            )
            _button("Remove for good", "delete", user_actions.remove, person)


def _button(label: str, icon: str, act: Callable[[Person], None], person: Person) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"do_{act.__name__}",
        on_click=act,
        args=(person,),
    )
