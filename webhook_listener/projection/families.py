"""The kinds of object that are kept, and how each one's facts become a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Table
from sqlmodel import SQLModel

from billing_core.config import BillingConfig
from billing_core.entitlement import status_gives_access
from billing_core.facts import (
    FINAL_STATUSES,
    KNOWN_STATUSES,
    CustomerFacts,
    PriceFacts,
    ProductFacts,
    SubscriptionFacts,
)
from billing_core.ordering import HasFinal, Kind, Version
from billing_core.stripe_gateway import shapes
from billing_core.stripe_gateway.envelope import InboxEvent
from billing_core.stripe_gateway.versions import (
    SUBSCRIPTION_KINDS,
    ended_subscription,
    known_status,
    version_of,
)
from billing_core.subscription_rows import columns_of_facts
from billing_core.tables import Customer, Price, Product, Subscription

F = TypeVar("F", bound=HasFinal)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Family(Generic[F]):
    """One kind of object: its table, its shape, and what only it needs.

    ``ended`` gives the facts as a deletion at that time leaves them. ``open_question`` says of a
    row that its history must be read whatever comes. ``carried`` adds columns that depend on
    several versions; it gets one version where that alone decided.
    """

    table: Table
    key: str
    types: Mapping[str, Kind]
    read: Callable[[Mapping[str, Any], BillingConfig], F]
    columns: Callable[[F], dict[str, Any]]
    ended: Callable[[F, datetime], F]
    row_is_final: Callable[[Row], bool]
    open_question: Callable[[Row], bool] = lambda _row: False
    carried: Callable[[F, Sequence[Version[F]]], dict[str, Any]] = lambda _facts, _versions: {}
    prefer: Callable[[F, BillingConfig], object] = lambda _facts, _config: 0

    def version(self, event: InboxEvent, config: BillingConfig) -> Version[F]:
        """The event's view of the object. Raises UnreadableShapeError."""
        return version_of(
            event, self.types[event.type], lambda obj: self.read(obj, config), self.ended
        )


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


SUBSCRIPTIONS = Family[SubscriptionFacts](
    table=_table(Subscription),
    key="subscription_id",
    types=SUBSCRIPTION_KINDS,
    read=lambda obj, _config: shapes.subscription_facts(obj),
    columns=columns_of_facts,
    ended=ended_subscription,
    row_is_final=lambda row: row["status"] in FINAL_STATUSES,
    open_question=lambda row: row["status"] not in KNOWN_STATUSES,
    carried=lambda facts, versions: {"known_status": known_status(facts, versions)},
    prefer=lambda facts, config: status_gives_access(facts.status, None, config.access),
)

CUSTOMERS = Family[CustomerFacts](
    table=_table(Customer),
    key="customer_id",
    types={
        "customer.created": Kind.CREATED,
        "customer.updated": Kind.UPDATED,
        "customer.deleted": Kind.DELETED,
        "snapshot.customer": Kind.SNAPSHOT,
    },
    read=lambda obj, config: shapes.customer_facts(obj, config.org_id_metadata_key),
    columns=lambda facts: {
        "name": facts.name,
        "email": facts.email,
        "claimed_org_id": facts.claimed_org_id,
        "created_at": facts.created_at,
        "deleted": facts.deleted,
    },
    ended=lambda facts, _at: replace(facts, deleted=True),
    row_is_final=lambda row: bool(row["deleted"]),
)

PRICES = Family[PriceFacts](
    table=_table(Price),
    key="price_id",
    types={
        "price.created": Kind.CREATED,
        "price.updated": Kind.UPDATED,
        "price.deleted": Kind.DELETED,
        "plan.created": Kind.CREATED,
        "plan.updated": Kind.UPDATED,
        "plan.deleted": Kind.DELETED,
        "snapshot.price": Kind.SNAPSHOT,
    },
    read=lambda obj, _config: shapes.price_facts(obj),
    columns=lambda facts: {
        "product_id": facts.product_id,
        "unit_amount": facts.unit_amount,
        "currency": facts.currency,
        "interval": facts.interval,
        "interval_count": facts.interval_count,
        "nickname": facts.nickname,
        "deleted": facts.deleted,
    },
    ended=lambda facts, _at: replace(facts, deleted=True),
    row_is_final=lambda row: bool(row["deleted"]),
)

PRODUCTS = Family[ProductFacts](
    table=_table(Product),
    key="product_id",
    types={
        "product.created": Kind.CREATED,
        "product.updated": Kind.UPDATED,
        "product.deleted": Kind.DELETED,
        "snapshot.product": Kind.SNAPSHOT,
    },
    read=lambda obj, _config: shapes.product_facts(obj),
    columns=lambda facts: {"name": facts.name, "deleted": facts.deleted},
    ended=lambda facts, _at: replace(facts, deleted=True),
    row_is_final=lambda row: bool(row["deleted"]),
)

CHECKOUT_TYPES = frozenset(
    {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
)
