"""Where to send the customer: choose a destination, say why, get the link once."""

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup

from billing_core.destinations import CHECKOUT, Destination
from billing_core.errors import BillingError
from billing_core.obstacles import features_of
from billing_core.possible_destinations import destinations_for
from billing_core.rows import OrganizationView, PriceChoice, TimelineEntry
from console import data, elements, held, mint_options, minted, sending
from console.identity import Principal
from console.labels import STATUSES
from console.mint_options import Options
from console.minted import Minted
from console.minting import LONGEST_REASON, SHORTEST_REASON, Wish, mint
from console.viewer import Viewer


def choose(
    principal: Principal,
    view: OrganizationView,
    entries: Sequence[TimelineEntry],
    prices: Sequence[PriceChoice],
    who: Viewer,
) -> None:
    """Each destination, to be chosen or explained; then the reason and the button."""
    elements.section("Send the customer to")
    subscription_id = _subscription(view)
    offered = [
        each
        for each in destinations_for(
            view,
            subscription_id=subscription_id,
            day=who.day,
            prices=prices,
            features=features_of(data.config()),
            now=data.now(),
        )
        if each.enabled or each.name != CHECKOUT
    ]
    chosen = _destination(view.org_id, [each for each in offered if each.enabled])
    hours = mint_options.kind_of_link(view.org_id)
    with st.form("mint", border=False):
        options = mint_options.fields(view, chosen, prices, hours, who)
        reason = st.text_input(
            "Reason or ticket number",
            key=f"reason_{view.org_id}",
            max_chars=LONGEST_REASON,
            placeholder="Kept in the audit log with your name",
        )
        asked = st.form_submit_button("Create link", type="primary", icon=":material/link:")
    beside_the_button = st.container()
    _unavailable([each for each in offered if not each.enabled])
    if not asked:
        return
    with beside_the_button:
        said = " ".join((reason or "").split())
        if chosen is None:
            elements.notice("Choose where the link leads first.", "warn")
            return
        fault = mint_options.fault(view, chosen, prices, options) or _fault(said)
        if fault is not None:
            elements.notice(fault, "warn")
            return
        wish = Wish(chosen, said, options.lookup_key, options.quantity, options.offers_coupon)
        try:
            with st.spinner("Making the link…"):
                _make(principal, view, entries, wish, options)
        except BillingError as error:
            elements.notice(error.message, "bad")
            return
    st.rerun()


def _make(
    principal: Principal,
    view: OrganizationView,
    entries: Sequence[TimelineEntry],
    wish: Wish,
    options: Options,
) -> None:
    """Make what was wished for, once, and keep it for the page to show; raises BillingError."""
    lasting = options.hours
    asked_for = (principal.username, view.org_id, repr((wish, lasting, options.uses)))
    opened, sent = minted.place(), sending.place()
    if lasting is None:
        session = held.once(asked_for, lambda: mint(principal, view, wish))
        opened[:] = [minted.made(session, wish.destination.name, view, entries, data.now())]
    else:
        link = held.once(
            asked_for, lambda: sending.make(principal, view, wish, lasting, options.uses)
        )
        sent[:] = [link]


def preselect(org_id: str, destination: str) -> None:
    """Choose a destination before the panel is shown; one that it does not offer is let go."""
    st.session_state[f"destination_{org_id}"] = destination


def hand_over(link: Minted, who: Viewer) -> None:
    """The link with a copy button, what it is for and how long it lives."""
    if data.now() >= link.opens_until:
        elements.notice("The link can no longer be opened, if it has not been by now.", "info")
        return
    elements.show(
        Markup("<p>Copy this link and send it to the customer. It opens <b>{}</b>.</p>").format(
            link.destination
        )
    )
    with st.container(key="minted_url"):
        st.code(link.session.url, language=None, wrap_lines=True)
    elements.show(
        Markup('<button type="button" class="bc-copy" data-copy="{}">Copy link</button>').format(
            ".st-key-minted_url code"
        )
    )
    elements.show(elements.quiet(_lifetime(link, who)))


def _lifetime(link: Minted, who: Viewer) -> Markup:
    until = elements.timed(who.clock(link.opens_until), link.opens_until)
    if link.destination == CHECKOUT:
        return Markup(
            "Open within 24 hours; the price is charged when the customer pays. Whoever holds the"
            " link can use it: send it to them alone."
        )
    return Markup(
        "Open within 5 minutes (until {}); once opened it works for an hour after the last click."
        " Whoever holds the link is the customer: send it to them alone."
    ).format(until)


def _subscription(view: OrganizationView) -> str | None:
    """The subscription that the link is about, asked for only where there are several."""
    live = {each.facts.subscription_id: each for each in view.live_subscriptions}
    if len(live) < 2:
        return None

    def name(subscription_id: str) -> str:
        each = live[subscription_id]
        status = STATUSES.get(each.facts.status, (each.facts.status, ""))[0]
        return f"{each.plan_name or 'Unmapped price'}, {status.lower()} ({subscription_id})"

    ids = sorted(live, key=lambda each: not live[each].decides)
    return st.selectbox("Subscription", ids, format_func=name, key=f"about_{view.org_id}")


def _destination(org_id: str, enabled: Sequence[Destination]) -> Destination | None:
    by_name = {each.name: each for each in enabled}
    if st.session_state.get(f"destination_{org_id}") not in by_name:
        st.session_state.pop(f"destination_{org_id}", None)
    chosen = st.radio(
        "Destination",
        list(by_name),
        index=None,
        captions=[each.explanation for each in enabled],
        key=f"destination_{org_id}",
        label_visibility="collapsed",
    )
    return by_name.get(chosen) if chosen else None


def _unavailable(explained: Sequence[Destination]) -> None:
    """What cannot be chosen, and why: each reason once."""
    names: dict[str, list[str]] = {}
    for each in explained:
        names.setdefault(each.explanation, []).append(each.name)
    if names:
        elements.show(
            Markup('<div class="bc-away"><h3>Not possible now</h3><dl>{}</dl></div>').format(
                elements.NOTHING.join(
                    Markup("<dt>{}</dt><dd>{}</dd>").format(", ".join(named), explanation)
                    for explanation, named in names.items()
                )
            )
        )


def _fault(reason: str) -> str | None:
    if len(reason) < SHORTEST_REASON:
        return "Say why first: a reason or a ticket number, kept in the audit log."
    return None
