"""Support links: made for sending, shown once, kept for as long as their page is looked at."""

from dataclasses import dataclass, field
from datetime import datetime

import streamlit as st
from markupsafe import Markup

from billing_core.commands import CreateLink
from billing_core.links import LinkState, message
from billing_core.permissions import Permission
from billing_core.rows import OrganizationView
from billing_core.rows.links import LinkRow
from console import commands, data, elements, held
from console.identity import Principal
from console.minting import Wish, denied
from console.viewer import Viewer

_OVER = {
    LinkState.USED_UP: "The customer has used this link, so it does not work again.",
    LinkState.EXPIRED: "This link has expired.",
    LinkState.REVOKED: "This link was revoked.",
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A support link that was just made; its ``repr`` does not tell the URL."""

    org_id: str
    destination: str
    url: str = field(repr=False)
    expires_at: datetime
    link_id: str
    uses: int


def make(
    principal: Principal, view: OrganizationView, wish: Wish, hours: int, uses: int = 1
) -> Sent:
    """A support link that works ``uses`` times within ``hours``, recorded as it is made.

    Raises BillingError with a sentence; there is no link then.
    """
    name = wish.destination.name
    if not principal.may(Permission.MINT_LINKS):
        raise denied(principal, "support_link.create", view.org_id, name)
    command = CreateLink(
        org_id=view.org_id,
        destination=name,
        subscription_id=wish.destination.subscription_id if wish.destination.flow else None,
        target_lookup_key=wish.lookup_key,
        reason=wish.reason,
        sender_name=principal.name[:100] or None,
        lifetime_hours=hours,
        uses=uses,
        target_quantity=wish.quantity,
        offers_coupon=wish.offers_coupon,
    )
    made = commands.create_link(principal, command)
    return Sent(view.org_id, name, made.url, made.expires_at, made.link_id, uses)


def place() -> list[Sent]:
    """Where a link is kept; to be taken before it is made."""
    return held.place("sent_link", Sent)


def kept(org_id: str) -> Sent | None:
    """The link that was made on this organization's page."""
    return next((each for each in place() if each.org_id == org_id), None)


def forget(*, unless_org_id: str | None = None) -> None:
    """Drop the link, because its page was left or it has been handed over."""
    held.let_go(place(), unless=lambda each: each.org_id == unless_org_id)


def hand_over(link: Sent, row: LinkRow | None, principal: Principal, who: Viewer) -> None:
    """The link and a message to go with it, or why it is not to be sent any more."""
    elements.section(link.destination)
    if row is None or row.state is LinkState.ACTIVE:
        _to_send(link, principal, who)
    else:
        elements.notice(_OVER[row.state], "info")
    elements.show(elements.link("See what became of it", "/links", link=link.link_id))
    st.button("Make another link", on_click=forget, key="another_sent")


def _to_send(link: Sent, principal: Principal, who: Viewer) -> None:
    """Each with a copy button."""
    until = elements.time(link.expires_at, who)
    elements.show(
        Markup(
            "<p>Send this to the customer. It works {}, until {}. It is shown here only until"
            " you leave this page; afterwards make another.</p>"
        ).format("once" if link.uses == 1 else f"{link.uses} times", until)
    )
    _copyable("sent_url", link.url, "Copy link")
    text = message(
        link.destination,
        url=link.url,
        expires_at=link.expires_at,
        uses=link.uses,
        company=data.config().company.name,
        sender=principal.name,
    )
    _copyable("sent_message", text, "Copy message")


def _copyable(key: str, text: str, label: str) -> None:
    with st.container(key=key):
        st.code(text, language=None, wrap_lines=True)
    elements.show(
        Markup('<button type="button" class="bc-copy" data-copy="{}">{}</button>').format(
            f".st-key-{key} code", label
        )
    )
