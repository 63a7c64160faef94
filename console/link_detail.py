"""One support link: how it stands, what came of it, and what happened to it."""

from collections.abc import Sequence

import streamlit as st
from markupsafe import Markup

from billing_core import queries
from billing_core.errors import DatabaseUnavailableError, SettingsError
from billing_core.links import NEEDS_A_PRICE, LinkState
from billing_core.queries import AuditFilters
from billing_core.queries.link_visits import link_visits
from billing_core.queries.links import link as find_link
from billing_core.rows import AuditRow
from billing_core.rows.links import LinkRow, LinkVisits
from billing_core.sentences.staff import staff_action
from console import data, elements, identity, labels, link_changes
from console.elements import Text
from console.identity import Principal
from console.link_words import came_of, result, state_badge
from console.viewer import Viewer

_EVERY_SECONDS = 4.0
_SHOWN = 50


def detail(link_id: str, principal: Principal, who: Viewer) -> None:
    """The link's page, kept up to date while it is looked at."""
    with data.snapshot() as connection:
        row = find_link(connection, link_id, now=data.now())
        visits = link_visits(connection, [link_id]).get(link_id)
        told = queries.audit_entries(connection, AuditFilters(link_id=link_id), limit=_SHOWN).rows
    elements.show(elements.link("All support links", "/links"))
    if row is None:
        elements.page_heading("No such link")
        elements.notice(f"No link has the reference “{link_id[:100]}”.", "warn")
        return
    organization = elements.organization_link(row.link.org_id, row.org_name)
    elements.page_heading(row.link.destination, Markup("{} for {}").format(link_id, organization))
    if row.news is not None:
        elements.notice(Markup("<b>{}.</b>").format(result(row.news, who)), "good")
    elements.show(elements.facts(_facts(row, visits, who)))
    link_changes.controls(row, principal, who)
    elements.section("What happened")
    elements.show(_story(told, who))
    st.fragment(_watch, run_every=_EVERY_SECONDS)(link_id, row)


def _watch(link_id: str, shown: LinkRow) -> None:
    """Look again whether the link was used, has ended or has led to anything."""
    try:
        if identity.current() is None:
            st.rerun()  # the whole page then says that the session has ended
        with data.snapshot() as connection:
            seen = find_link(connection, link_id, now=data.now())
    except (DatabaseUnavailableError, SettingsError) as error:
        elements.notice(str(error), "warn")
        return
    if seen != shown:
        st.rerun()


def _facts(row: LinkRow, visits: LinkVisits | None, who: Viewer) -> list[tuple[str, Text]]:
    link = row.link
    maker = Markup("{} ({})").format(elements.untrusted(link.created_by), link.created_by_role)
    pairs: list[tuple[str, Text]] = [
        ("State", state_badge(row.state)),
        ("Made by", maker),
        ("Made", elements.time(link.created_at, who)),
        ("Expires", elements.time(link.expires_at, who)),
        ("Used", f"{link.uses} of {link.uses_allowed}"),
    ]
    if link.last_redeemed_at is not None:
        pairs.append(("Last used", elements.time(link.last_redeemed_at, who)))
    if row.state is LinkState.REVOKED:
        by = elements.untrusted(link.revoked_by)
        revoked = Markup("{} by {}").format(elements.time(link.revoked_at, who), by)
        pairs.append(("Revoked", revoked))
    if visits is not None and visits.opened:
        last = elements.time(visits.last_opened_at, who)
        pairs.append(
            ("Opened, scanners included", Markup("{}×, last {}").format(visits.opened, last))
        )
    if link.destination in NEEDS_A_PRICE and link.target_lookup_key is not None:
        times = f"{link.target_quantity:,} × " if link.target_quantity is not None else ""
        pairs.append(("Price", f"{times}{link.target_lookup_key}"))
    if link.subscription_id is not None:
        pairs.append(("Subscription", elements.code(link.subscription_id)))
    if link.last_redeemed_at is not None or link.refusal_code is not None:
        pairs.append(("What came of it", came_of(link, row.news, who, data.now())))
    return [*pairs, ("Reason", elements.untrusted(link.reason))]


def _story(told: Sequence[AuditRow], who: Viewer) -> Markup:
    lines = [
        Markup('<li class="bc-entry">{}<p>{}</p>{}</li>').format(
            labels.icon("link"),
            elements.sentence(staff_action(row).text),
            elements.time(row.at, who),
        )
        for row in told
    ]
    return Markup('<div class="bc-day"><ol>{}</ol></div>').format(elements.NOTHING.join(lines))
