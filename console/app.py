"""The console's frame, run on every interaction: who is there, which page, what went wrong."""

import streamlit as st
from markupsafe import Markup

from billing_core.errors import DatabaseUnavailableError, SettingsError
from console import (
    access,
    commands,
    data,
    elements,
    finder,
    identity,
    labels,
    minted,
    navigation,
    one_time,
    sending,
    watch,
)
from console.identity import Principal

_CHANGE_PASSWORD = Markup('<a href="/password">Change password</a>')


def main() -> None:
    """Show the page that was asked for to whoever may see it."""
    st.set_page_config(page_icon=str(elements.ASSETS / "icon.png"), layout="wide")
    elements.assets()
    try:
        principal = identity.current()
        if principal is None:
            st.navigation(navigation.pages_for(None), position="hidden")
            access.signed_out()
        _forget_another_user(principal)
        pages = navigation.pages_for(principal)
        chosen = st.navigation(pages)
        st.set_page_config(page_title=f"{chosen.title} · Billing console")
        finder.finder(principal, pages)
        _sidebar(principal)
        here = chosen.url_path == navigation.ORGANIZATION
        org_id = st.query_params.get("org") if here else None
        minted.forget(unless_org_id=org_id)
        sending.forget(unless_org_id=org_id)
        at_users = chosen.url_path == navigation.USERS
        if not (at_users and "new" in st.query_params):  # where one may just have been given
            one_time.forget(unless_username=st.query_params.get("user") if at_users else None)
        _say_if_the_listener_is_away()
        chosen.run()
    except (DatabaseUnavailableError, SettingsError) as error:
        elements.notice(str(error), "bad")
        st.button("Try again", type="primary")


def _say_if_the_listener_is_away() -> None:
    if not watch.told_to_answer(answers=commands.listener_answers()):
        elements.notice(
            "It stores what Stripe sends and records what you do, so nothing new arrives and no"
            " link can be made until it is back. Nothing is lost: Stripe keeps sending. What you"
            " see was stored before, and can be searched and read as ever.",
            "warn",
            title="The listener does not answer.",
        )


def _forget_another_user(principal: Principal) -> None:
    """A tab that reconnects under another sign-in must not inherit what the first one saw."""
    if st.session_state.setdefault("signed_in_as", principal.username) != principal.username:
        st.session_state.clear()
        st.session_state["signed_in_as"] = principal.username


def _sidebar(principal: Principal) -> None:
    with st.sidebar:
        elements.show(
            Markup(
                '<div class="bc-whoami"><div class="bc-company">{}</div><b>{}</b>'
                '<div class="bc-quiet">{}</div>{}</div>'
            ).format(
                data.config().company.name,
                elements.untrusted(principal.name),
                labels.role_names(principal.roles),
                _CHANGE_PASSWORD if principal.method == "password" else "",
            )
        )
        if st.button("Sign out", key="sign_out", width="stretch"):
            identity.sign_out()
            st.rerun()


main()
