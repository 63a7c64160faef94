"""An organization as text for a ticket, copied with one click."""

from collections.abc import Iterable
from datetime import datetime

from markupsafe import Markup

from billing_core.rows import OrganizationView, TimelineEntry
from billing_core.sentences import Words
from billing_core.sentences.ticket import ticket_text
from console import data
from console.labels import STATUSES
from console.viewer import Viewer


def copy_button(
    view: OrganizationView,
    entries: Iterable[TimelineEntry],
    who: Viewer,
    *,
    as_of: datetime,
    past: bool,
) -> Markup:
    """A button that copies the text."""
    entitlement = view.entitlement
    status = STATUSES.get(entitlement.status, (entitlement.status, ""))[0]
    if entitlement.winding_down:
        status += ", winding down"
    text = ticket_text(
        view,
        entries,
        Words(data.config(), locale=who.locale),
        status=status,
        as_of=as_of,
        past=past,
        days_in=str(who.zone),
    )
    return Markup(
        '<button type="button" class="bc-copy bc-plain-button" data-copy-text="{}">'
        "Copy as text</button>"
    ).format(text)
