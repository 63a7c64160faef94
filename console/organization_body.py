"""What stands on the page of one organization, now and as of a moment in the past."""

import streamlit as st

from billing_core.permissions import Permission
from billing_core.rows import PastView
from console import elements, mint_panel, minted, past, sending, ticket, watch
from console.access_picture import access_picture
from console.identity import Principal
from console.organization_header import header, heading
from console.organization_links import show_links
from console.organization_reading import Reading
from console.story import Telling, story
from console.subscription_list import subscription_list
from console.what_next import what_next
from console.why_chain import why_chain


def present(principal: Principal, found: Reading, telling: Telling) -> None:
    """As it is now, with where to send the customer for whoever may; looked at again and again."""
    who, view = telling.who, found.view
    may_mint = principal.may(Permission.MINT_LINKS)
    heading(view)
    _tools(found, telling)
    header(view, who, found.now)
    why_chain(view, who)
    what_next(view, who, may_mint=may_mint)
    subscription_list(view, who)
    if not may_mint:
        _history(found, telling)
        watch.watch(view.org_id, found.mark)
        return
    panel, beside = st.columns([5, 7], gap="large")
    with panel:
        _sending(principal, found, telling)
        if found.links is not None:
            show_links(found.links, who, found.now)
    with beside:
        _history(found, telling)


def show_past(then: PastView, found: Reading, telling: Telling) -> None:
    """As it was; nothing can be sent from there."""
    heading(then.view)
    _tools(found, telling)
    past.banner(then, telling.who)
    header(then.view, telling.who, then.at)
    why_chain(then.view, telling.who)
    subscription_list(then.view, telling.who)
    _history(found, telling)


def _tools(found: Reading, telling: Telling) -> None:
    at = found.past.at if found.past is not None else None
    with st.container(horizontal=True, vertical_alignment="center"):
        past.control(at, telling.who)
        elements.show(
            ticket.copy_button(
                found.past.view if found.past is not None else found.view,
                found.told.entries,
                telling.who,
                as_of=at or found.now,
                past=at is not None,
            )
        )


def _history(found: Reading, telling: Telling) -> None:
    marked = found.past.at if found.past is not None else None
    access_picture(found.changes, telling.who, now=found.now, marked=marked)
    story(found.told, telling)


def _sending(principal: Principal, found: Reading, telling: Telling) -> None:
    """Choosing a link, or handing over the one that was just made and watching for its effect."""
    view, who, recent = found.view, telling.who, found.recent.entries
    link, sent = minted.kept(view.org_id), sending.kept(view.org_id)
    if sent is not None:
        row = found.links.row(sent.link_id) if found.links is not None else None
        sending.hand_over(sent, row, principal, who)
        watch.watch(view.org_id, found.mark, sent=row)
    elif link is None:
        mint_panel.choose(principal, view, recent, found.prices, who)
        watch.watch(view.org_id, found.mark)
    else:
        elements.section(link.destination)
        with st.container():  # what is in it changes, and the button below keeps its place
            if watch.landed(view, recent, link, who):
                watch.watch(view.org_id, found.mark)
            else:
                mint_panel.hand_over(link, who)
                watch.watch(view.org_id, found.mark, link)
        st.button("Make another link", on_click=minted.forget, key="another_link")
