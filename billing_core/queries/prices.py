"""Prices: what a new subscription can be started with, and what nobody has mapped."""

from sqlalchemy import Connection, func, select

from billing_core.config import BillingConfig
from billing_core.facts import FINAL_STATUSES
from billing_core.queries.tables import (
    ENTITLEMENTS,
    PRICES,
    PRODUCTS,
    Row,
    config_or_default,
    fetch,
)
from billing_core.rows import Count, PriceChoice, UnmappedPrice

SHOWN = 50


def prices(
    connection: Connection, *, config: BillingConfig | None = None
) -> tuple[PriceChoice, ...]:
    """The price behind each lookup key of ``billing.toml``, in the file's order.

    A lookup key that has moved is shown with the price that got it last.
    """
    config = config_or_default(config)
    p = PRICES.c
    statement = select(PRICES).where(
        p.lookup_key.in_(list(config.plan_by_lookup_key)), p.deleted.is_(False)
    )
    newest: dict[str, Row] = {}
    for row in sorted(fetch(connection, statement), key=_learned_at):
        newest[row["lookup_key"]] = row
    return tuple(
        _choice(key, slug, newest.get(key), config)
        for key, slug in config.plan_by_lookup_key.items()
    )


def _learned_at(row: Row) -> tuple[bool, object, str]:
    at = row["lookup_key_at"]
    return (at is not None, at or 0, row["price_id"])


def _choice(key: str, slug: str, row: Row | None, config: BillingConfig) -> PriceChoice:
    return PriceChoice(
        lookup_key=key,
        plan=slug,
        plan_name=config.plan_name(slug) or slug,
        price_id=row["price_id"] if row else None,
        unit_amount=row["unit_amount"] if row else None,
        currency=row["currency"] if row else None,
        interval=row["interval"] if row else None,
        interval_count=row["interval_count"] if row else 1,
    )


def unmapped_prices(connection: Connection) -> tuple[UnmappedPrice, ...]:
    """Prices that decide a live organization's plan and belong to none, most used first."""
    e, p = ENTITLEMENTS.c, PRICES.c
    used = connection.execute(
        select(e.price_id, func.count().label("organizations"))
        .where(e.plan.is_(None), e.price_id.is_not(None), e.status.not_in(FINAL_STATUSES))
        .group_by(e.price_id)
        .order_by(func.count().desc(), e.price_id)
        .limit(SHOWN)
    ).all()
    rows = fetch(
        connection,
        select(PRICES, PRODUCTS.c.name.label("product_name"))
        .join(PRODUCTS, PRODUCTS.c.product_id == p.product_id, isouter=True)
        .where(p.price_id.in_([row.price_id for row in used])),
    )
    known = {row["price_id"]: row for row in rows}
    return tuple(
        _unmapped(row.price_id, row.organizations, known.get(row.price_id)) for row in used
    )


def _unmapped(price_id: str, organizations: int, price: Row | None) -> UnmappedPrice:
    return UnmappedPrice(
        price_id=price_id,
        lookup_key=price["lookup_key"] if price else None,
        product_name=price["product_name"] if price else None,
        nickname=price["nickname"] if price else None,
        subscriptions=Count(organizations),
    )


def currencies_and_intervals(connection: Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every currency and every interval that some price has, each in order."""
    p = PRICES.c
    rows = fetch(connection, select(p.currency, p.interval).distinct())
    currencies = {row["currency"] for row in rows if row["currency"]}
    intervals = {row["interval"] for row in rows if row["interval"]}
    return tuple(sorted(currencies)), tuple(sorted(intervals))
