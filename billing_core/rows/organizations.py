"""Who an organization is and what it has."""

from dataclasses import dataclass
from datetime import datetime

from billing_core.facts import ItemFacts, SubscriptionFacts


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows; where ``capped``, there are at least ``value``, and nobody went on counting."""

    value: int
    capped: bool = False

    def __str__(self) -> str:
        return f"{self.value:,}{'+' if self.capped else ''}"


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    """One line of the list of organizations.

    ``unmapped`` says that the deciding price belongs to no plan of ``billing.toml``.
    """

    org_id: str
    name: str | None
    email: str | None
    customer_id: str | None
    created_at: datetime | None
    plan: str | None
    plan_name: str | None
    status: str
    has_access: bool
    ends_at: datetime | None
    quantity: int | None
    unit_amount: int | None
    currency: str | None
    interval: str | None
    interval_count: int
    unmapped: bool


@dataclass(frozen=True, slots=True)
class OrganizationPage:
    """Some organizations, where the next ones begin, and how many there are."""

    rows: tuple[OrganizationRow, ...]
    next_cursor: str | None
    count: Count


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    """Who an organization is."""

    org_id: str
    name: str | None
    email: str | None
    customer_id: str | None
    created_at: datetime | None
    customer_deleted: bool


@dataclass(frozen=True, slots=True)
class EntitlementRow:
    """What an organization is entitled to, as ``plan_entitlements`` says it."""

    org_id: str
    plan: str | None
    plan_name: str | None
    status: str
    has_access: bool
    cancel_at_period_end: bool
    cancel_at: datetime | None
    current_period_end: datetime | None
    ends_at: datetime | None
    quantity: int | None
    subscription_id: str | None
    price_id: str | None
    price_lookup_key: str | None
    unit_amount: int | None
    currency: str | None
    interval: str | None
    interval_count: int
    last_event_id: str | None
    last_event_type: str | None
    last_event_at: datetime | None
    updated_at: datetime | None
    revision: int

    @property
    def winding_down(self) -> bool:
        """Whether access is there and due to end."""
        return self.has_access and self.ends_at is not None

    @property
    def unmapped(self) -> bool:
        """Whether the deciding price belongs to no plan of ``billing.toml``."""
        return self.plan is None and self.price_id is not None


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item of a subscription; ``decides`` marks the one whose price gives the plan."""

    facts: ItemFacts
    lookup_key: str | None
    plan: str | None
    plan_name: str | None
    product_name: str | None
    decides: bool


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A subscription with its items.

    ``decides`` marks the one that speaks for the organization. ``suspect`` says that the order of
    its last events is not certain yet.
    """

    facts: SubscriptionFacts
    items: tuple[ItemView, ...]
    gives_access: bool
    ends_at: datetime | None
    decides: bool
    suspect: bool
    last_event_id: str
    last_event_at: datetime | None

    @property
    def plan_name(self) -> str | None:
        """The name of the plan that it is for, if its price maps to one."""
        return next((item.plan_name for item in self.items if item.decides), None)


@dataclass(frozen=True, slots=True)
class ConflictingClaim:
    """A Stripe customer that claims an organization which another customer already holds.

    Until somebody decides, it stands under ``org_id``, its own.
    """

    customer_id: str
    org_id: str
    claimed_org_id: str


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """Everything that is known of one organization now."""

    organization: OrganizationFacts
    entitlement: EntitlementRow
    subscriptions: tuple[SubscriptionView, ...]
    conflicting_claims: tuple[ConflictingClaim, ...]
    unmapped_price_ids: tuple[str, ...]

    @property
    def org_id(self) -> str:
        """Our id of the organization."""
        return self.organization.org_id

    @property
    def name(self) -> str | None:
        """The organization's name."""
        return self.organization.name

    @property
    def email(self) -> str | None:
        """The address that its invoices go to."""
        return self.organization.email

    @property
    def stripe_customer_id(self) -> str | None:
        """Its customer in Stripe, if it has one."""
        return self.organization.customer_id

    @property
    def live_subscriptions(self) -> tuple[SubscriptionView, ...]:
        """Those that have not ended."""
        return tuple(view for view in self.subscriptions if not view.facts.final)

    @property
    def deciding(self) -> SubscriptionView | None:
        """The subscription that speaks for the organization."""
        return next((view for view in self.subscriptions if view.decides), None)

    def subscription(self, subscription_id: str) -> SubscriptionView | None:
        """The subscription with that id, if it is this organization's."""
        return next(
            (v for v in self.subscriptions if v.facts.subscription_id == subscription_id), None
        )


@dataclass(frozen=True, slots=True)
class EntitlementMark:
    """A few values that differ as soon as anything has arrived for an organization.

    Two marks are compared to see whether something changed; ``revision`` alone says whether the
    entitlement did.
    """

    revision: int
    status: str
    has_access: bool
    ends_at: datetime | None
    updated_at: datetime | None
    newest_event_id: str | None
    newest_event_type: str | None
    newest_event_at: datetime | None
    newest_second_events: int
