"""The organization as of a moment in the past: which moment, and that it is not the present."""

from datetime import UTC, datetime

import streamlit as st
from markupsafe import Markup

from billing_core.rows import PastView
from console import elements
from console.labels import STATUSES
from console.viewer import Viewer

_PARAMETER = "as_of"
_PICKER = "as_of_picker"


def wanted(latest: datetime) -> datetime | None:
    """The moment that the address names; None, the present, for none, a senseless or a later one."""
    try:
        at = datetime.fromisoformat(st.query_params.get(_PARAMETER, ""))
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return at.astimezone(UTC) if at < latest else None


def address_of(at: datetime) -> str:
    """A moment as it stands in the address."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def control(at: datetime | None, who: Viewer) -> None:
    """Choose a moment, in the viewer's own time."""
    with st.popover("As of…", icon=":material/history:"):
        shown = at.astimezone(who.zone).replace(tzinfo=None) if at is not None else None
        if st.session_state.get(_PICKER) != shown:
            st.session_state[_PICKER] = shown
        st.datetime_input(
            "Show it as it was on",
            value=None,
            step=60,
            key=_PICKER,
            on_change=_choose,
            args=(who,),
        )
        elements.show(elements.quiet("By Stripe's clock, shown in your time."))


def _choose(who: Viewer) -> None:
    picked = st.session_state.get(_PICKER)
    if isinstance(picked, datetime):
        st.query_params[_PARAMETER] = address_of(picked.replace(tzinfo=who.zone))
    else:
        st.query_params.pop(_PARAMETER, None)


def banner(past: PastView, who: Viewer) -> None:
    """That this is the past, since when it was so, what was known of it, and the ways out."""
    org_id = past.view.org_id
    elements.notice(
        elements.lines(
            Markup("<b>As it was on {}.</b> Not the present.").format(elements.time(past.at, who)),
            _since(past, who),
            _believed(past, who),
            _untold(past),
            Markup(" · ").join(_ways(past, org_id)),
        ),
        "info",
    )


def _since(past: PastView, who: Viewer) -> Markup:
    if past.change is None:
        return Markup("Nothing was known of it yet.")
    began = elements.time(past.change.at, who)
    if past.next_at is None:
        return Markup("So since {}, and still.").format(began)
    return Markup("So from {} until {}.").format(began, elements.time(past.next_at, who))


def _believed(past: PastView, who: Viewer) -> Markup | None:
    if not past.learnt_late or past.change is None:
        return None
    learnt = elements.time(past.change.learnt_at, who)
    if past.believed is None:
        return Markup("This became known here only on {}.").format(learnt)
    status = STATUSES.get(past.believed.status, (past.believed.status, ""))[0]
    access = "access" if past.believed.has_access else "no access"
    return Markup("This became known here only on {}; until then the row said {}, {}.").format(
        learnt, status, access
    )


def _untold(past: PastView) -> Markup | None:
    if not past.untold:
        return None
    ids = Markup(", ").join(elements.code(each) for each in past.untold)
    return Markup("No stored event tells how {} was then.").format(ids)


def _ways(past: PastView, org_id: str) -> list[Markup]:
    moments = (("Earlier change", past.previous_at), ("Later change", past.next_at))
    ways = [
        elements.link(label, "/organization", org=org_id, as_of=address_of(at))
        for label, at in moments
        if at is not None
    ]
    return [elements.link("Back to now", "/organization", org=org_id), *ways]
