"""Stopping a support link and letting it work longer: asked first, checked, recorded."""

import streamlit as st
from markupsafe import Markup

from billing_core.commands import ExtendLink, RevokeLink
from billing_core.errors import BillingError
from billing_core.links import LinkState
from billing_core.permissions import Permission
from billing_core.rows.links import LinkRow
from console import commands, data, elements
from console.identity import Principal
from console.mint_options import lifetimes
from console.minting import LONGEST_REASON
from console.viewer import Viewer

_DO = "do"
_REVOKE, _EXTEND = "revoke", "extend"
_MAY_EXTEND = (LinkState.ACTIVE, LinkState.EXPIRED)


def controls(row: LinkRow, principal: Principal, who: Viewer) -> None:
    """Buttons for what can be done to the link, or the question whether it shall be."""
    if not principal.may(Permission.MINT_LINKS) or row.state not in _MAY_EXTEND:
        return
    asked = st.query_params.get(_DO)
    if asked == _REVOKE:
        _ask_to_revoke(row, principal)
    elif asked == _EXTEND:
        _ask_to_extend(row, principal, who)
    else:
        with st.container(horizontal=True):
            st.button("Extend", icon=":material/more_time:", on_click=_go, args=(_EXTEND,))
            st.button("Revoke", icon=":material/link_off:", on_click=_go, args=(_REVOKE,))


def _ask_to_revoke(row: LinkRow, principal: Principal) -> None:
    elements.section("Revoke this link?")
    elements.show(
        "It stops working at once and for good. Whoever opens it then reads that it was withdrawn"
        " and how to ask for a new one."
    )
    reason = _reason()
    if _confirmed("Revoke link"):
        _change(principal, RevokeLink(link_id=row.link.link_id, reason=reason))


def _ask_to_extend(row: LinkRow, principal: Principal, who: Viewer) -> None:
    elements.section("Let this link work longer?")
    until = elements.time(row.link.expires_at, who)
    works = "works" if row.state is LinkState.ACTIVE else "worked"
    elements.show(
        Markup(
            "It {} until {}. The link stays the same, so the message that the customer has is"
            " enough."
        ).format(works, until)
    )
    offered = lifetimes(data.config().links)
    hours = st.selectbox("From now for", list(offered), format_func=offered.__getitem__, width=220)
    reason = _reason()
    if _confirmed("Extend link"):
        command = ExtendLink(link_id=row.link.link_id, lifetime_hours=hours, reason=reason)
        _change(principal, command)


def _reason() -> str | None:
    typed = st.text_input(
        "Reason or ticket number, if there is one",
        max_chars=LONGEST_REASON,
        placeholder="Kept in the audit log with your name",
        key="link_change_reason",
        width=480,
    )
    said = " ".join((typed or "").split())
    return said if len(said) >= 3 else None


def _confirmed(label: str) -> bool:
    with st.container(horizontal=True):
        pressed = st.button(label, type="primary", key="link_change_confirm")
        st.button("Leave it as it is", on_click=_go, args=(None,), key="link_change_cancel")
    return pressed


def _change(principal: Principal, command: RevokeLink | ExtendLink) -> None:
    try:
        commands.change_link(principal, command)
    except BillingError as error:
        elements.notice(error.message, "bad")
        return
    _go(None)
    st.rerun()


def _go(to: str | None) -> None:
    if to is None:
        st.query_params.pop(_DO, None)
    else:
        st.query_params[_DO] = to
