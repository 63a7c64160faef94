"""What every sentence needs: names of plans, dates, amounts, and the sentence itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from billing_core.config import BillingConfig
from billing_core.dates import long_date
from billing_core.entitlement import effective_lookup_key, main_item
from billing_core.facts import ItemFacts, SubscriptionFacts
from billing_core.money import money

_ADVERBS = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}
_FEEDBACK = {
    "customer_service": "customer service was less than expected",
    "low_quality": "quality was less than expected",
    "missing_features": "some features are missing",
    "other": "another reason",
    "switched_service": "switched to another service",
    "too_complex": "ease of use was less than expected",
    "too_expensive": "too expensive",
    "unused": "not used enough",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence for people, the name of its icon, and lines of detail.

    ``quiet`` marks what tells nothing new. Details may hold what a customer wrote.
    """

    kind: str
    text: str
    details: tuple[str, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """How to name things. ``lookup_keys`` holds the key that each price was last seen under."""

    config: BillingConfig = field(default_factory=BillingConfig)
    lookup_keys: Mapping[str, str] = field(default_factory=dict)
    day: Callable[[datetime], str] = long_date
    locale: str = "en"

    def amount(self, amount: int | None, currency: str | None) -> str | None:
        """An amount in minor units, or None where Stripe named none."""
        if amount is None or currency is None:
            return None
        return money(amount, currency, locale=self.locale)

    def item(self, item: ItemFacts) -> str:
        """An item by its plan and interval: "Pro monthly"."""
        slug = self.config.plan_for(effective_lookup_key(item, self.lookup_keys), item.price_id)
        name = self.config.plan_name(slug)
        if name is None:
            return f"an unmapped price ({item.price_id or 'without id'})"
        if item.interval is None:
            return name
        if item.interval_count > 1:
            return f"{name} every {item.interval_count} {item.interval}s"
        return f"{name} {_ADVERBS.get(item.interval, item.interval)}"

    def main(self, facts: SubscriptionFacts) -> ItemFacts | None:
        """The item that decides a subscription's plan."""
        return main_item(facts, self.config, self.lookup_keys)[0]

    def plan(self, facts: SubscriptionFacts) -> str:
        """What a subscription is for."""
        item = self.main(facts)
        return self.item(item) if item is not None else "no price"


def feedback_words(feedback: str) -> str:
    """Stripe's answer in the survey, in plain words."""
    return _FEEDBACK.get(feedback, feedback.replace("_", " "))


def comment_line(facts: SubscriptionFacts) -> tuple[str, ...]:
    """What the customer wrote, as a line of detail."""
    return (f"Comment: {facts.cancellation_comment}",) if facts.cancellation_comment else ()
