"""How many links of a destination came how far, as bars whose numbers stand beside them."""

from collections.abc import Iterable

from markupsafe import Markup

from billing_core.rows.links import DestinationInsight
from console import elements


def funnels(found: Iterable[DestinationInsight]) -> Markup:
    """One for each destination to which a link was made."""
    return Markup('<div class="bc-funnels">{}</div>').format(
        elements.NOTHING.join(_funnel(each) for each in found if each.created)
    )


def _funnel(each: DestinationInsight) -> Markup:
    steps = (
        ("Made", each.created),
        ("Opened, scanners included", each.opened),
        ("Redeemed", each.redeemed),
        ("Completed", each.completed),
    )
    bars = elements.NOTHING.join(
        Markup('<li style="--share: {}%"><span>{}</span><b>{}</b></li>').format(
            round(100 * count / each.created), name, f"{count:,}"
        )
        for name, count in steps
    )
    return Markup("<section><h3>{}</h3><ol>{}</ol></section>").format(each.destination, bars)
