"""The live area: it reads and polls, tells what has landed, and never claims more than that."""

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st
from markupsafe import Markup

from billing_core import queries
from billing_core.errors import DatabaseUnavailableError, SettingsError
from billing_core.queries.links import link as find_link
from billing_core.rows import EntitlementMark, OrganizationView, TimelineEntry
from billing_core.rows.links import LinkRow
from console import commands, data, elements, identity
from console.minted import Minted
from console.viewer import Viewer, lasting

_EAGER_SECONDS = 1.5
_CALM_SECONDS = 5.0
_PATIENCE = timedelta(seconds=45)
_TOLD = "listener_told_to_answer"


def watch(
    org_id: str,
    shown: EntitlementMark | None,
    link: Minted | None = None,
    sent: LinkRow | None = None,
) -> None:
    """Look again and again whether anything has arrived; if so, show the whole page anew.

    ``sent`` is a support link that is shown for sending, and not to be once it was used.
    """
    every = _EAGER_SECONDS if link is not None else _CALM_SECONDS
    st.fragment(_look, run_every=every)(org_id, shown, link, sent)


def told_to_answer(*, answers: bool) -> bool:
    """``answers``, which the page is about to tell, so that it is drawn anew once that is over."""
    st.session_state[_TOLD] = answers
    return answers


def _look(
    org_id: str, shown: EntitlementMark | None, link: Minted | None, sent: LinkRow | None
) -> None:
    try:
        if identity.current() is None:
            st.rerun()  # the whole page then says that the session has ended
        with data.snapshot() as connection:
            mark = queries.entitlement_mark(connection, org_id)
            used = sent is not None and sent != find_link(
                connection, sent.link.link_id, now=data.now()
            )
    except (DatabaseUnavailableError, SettingsError) as error:
        elements.notice(str(error), "warn")
        return
    answers = commands.listener_answers()
    if mark != shown or used or st.session_state.get(_TOLD, answers) != answers:
        st.rerun()
    if link is not None:
        _waiting(link)


def _waiting(link: Minted) -> None:
    waited = data.now() - link.at
    if waited < _PATIENCE:
        sentence = Markup('<span class="bc-pulse"></span>Waiting for the customer…')
    else:
        sentence = Markup(
            "Nothing has changed yet. The link was made {} ago; this page keeps looking."
        ).format(lasting(waited.total_seconds()))
    elements.notice(sentence, "info")


def landed(
    view: OrganizationView, entries: Sequence[TimelineEntry], link: Minted, who: Viewer
) -> bool:
    """Tell what Stripe has reported since the link was made; False where that is nothing."""
    news = link.news(entries)
    if not news:
        return False
    summary = _summary(view, link, who)
    elements.notice(
        elements.lines(
            Markup("<b>It has landed.</b>"),
            Markup("<b>{}</b>").format(summary) if summary else None,
            *(elements.sentence(entry.sentence) for entry in reversed(news)),
        ),
        "good",
    )
    return True


def _summary(view: OrganizationView, link: Minted, who: Viewer) -> str | None:
    entitlement = view.entitlement
    if entitlement.revision == link.revision:
        return None
    if entitlement.winding_down and entitlement.ends_at is not None:
        return f"Winding down: ends on {who.day(entitlement.ends_at)}"
    if link.had_access and not entitlement.has_access:
        return "Access has ended"
    if link.was_winding_down:
        return "No longer winding down"
    return None
