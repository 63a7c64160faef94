"""What the file says about us: plans, access, links and alerts."""

from markupsafe import Markup

from billing_core.config import BillingConfig, Plan
from console import elements
from console.elements import Column, Text
from console.viewer import lasting

_PLANS = (Column("Plan"), Column("Lookup keys"), Column("Retired price ids"))
_UNITS = ("seconds", "minutes", "hours", "times_usual_gap")


def show_file(config: BillingConfig) -> None:
    """Each section in a few words."""
    elements.section("Plans", "What customers have bought, whatever price they pay")
    if config.plans:
        rows = [_plan(slug, plan) for slug, plan in config.plans.items()]
        elements.show(elements.table(_PLANS, rows, "Plans"))
    else:
        elements.empty(
            "billing.toml names no plan.", "Add [plans.…] with the lookup keys of its prices."
        )
    elements.section("Access", "Who keeps it where the company may choose")
    kept = (
        "Keep it while Stripe retries the payment" if config.access.past_due else "Lose it at once"
    )
    elements.show(elements.facts([("Customers who are past due", kept)]))
    elements.section("Support links")
    elements.show(elements.facts(_links(config)))
    elements.section("Alerts", "From when on something is wrong")
    elements.show(elements.facts(_alerts(config)))


def _plan(slug: str, plan: Plan) -> tuple[Text, ...]:
    retired = elements.lines(*(elements.code(each) for each in plan.retired_price_ids))
    return (
        elements.lines(Markup("<b>{}</b>").format(plan.name), elements.quiet(slug)),
        Markup(" ").join(elements.code(key) for key in plan.lookup_keys) or elements.DASH,
        retired or elements.DASH,
    )


def _links(config: BillingConfig) -> list[tuple[str, Text]]:
    links = config.links
    return [
        ("Work for", f"{links.lifetime_hours} hours"),
        ("At most", f"{links.longest_days} days"),
        ("A person may make", f"{links.made_per_hour} an hour"),
        ("Address of the customer", "Recorded" if links.record_address else "Not recorded"),
        (
            "Offer to whoever stays",
            elements.code(links.retention_coupon) if links.retention_coupon else "None",
        ),
    ]


def _alerts(config: BillingConfig) -> list[tuple[str, Text]]:
    return [_threshold(name, value) for name, value in config.alerts.model_dump().items()]


def _threshold(name: str, value: object) -> tuple[str, Text]:
    """A name of the file with its unit beside the number instead of in the name."""
    unit = next((each for each in _UNITS if name.endswith(f"_{each}")), "")
    label = name.removesuffix(f"_{unit}").replace("_", " ").capitalize()
    if isinstance(value, bool):
        return label, "On" if value else "Off"
    if not isinstance(value, int) or not value:
        return label, "Off"
    if unit == "seconds":
        return label, lasting(value)
    return label, f"{value:,} {unit.replace('_', ' ')}".strip()
