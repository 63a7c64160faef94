"""The numbers behind the freshness, each red with a word where ``billing.toml`` says so."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from markupsafe import Markup

from billing_core.alerts.conditions import Condition
from billing_core.rows import Percentiles, Suspect, UnmappedPrice, WebhookHealth
from console import elements
from console.elements import Column, Text
from console.viewer import Viewer, ago, lasting

_UNMAPPED = (Column("Price"), Column("Product"), Column("Organizations", number=True))
_SUSPECTS = (Column("In Stripe"), Column("What"), Column("Held meanwhile"), Column("Since"))
_SEARCHED = ("subscription", "customer", "price")
_Tile = tuple[Text, str, str, Text]


def numbers(health: WebhookHealth, wrong: Iterable[Condition], now: datetime) -> Markup:
    """What came last, what waits, how long things take and what was missed."""
    names = {condition.name for condition in wrong}
    return elements.tiles(_numbers(health, names, now))


def show_wrong(wrong: Iterable[Condition], told: str) -> None:
    """What is wrong beside what the sentence above, ``told``, says already."""
    rest = [each for each in wrong if each.sentence not in told]
    if not rest:
        return
    items = elements.NOTHING.join(
        Markup("<li><b>{}:</b> {}</li>").format(each.title, each.sentence) for each in rest
    )
    elements.show(Markup('<div role="status"><ul class="bc-wrong">{}</ul></div>').format(items))


def unmapped_table(prices: Iterable[UnmappedPrice]) -> Markup:
    """Prices that are paid and named by no plan."""
    return elements.table(_UNMAPPED, [_unmapped(price) for price in prices], "Unmapped prices")


def suspect_table(suspects: Iterable[Suspect], who: Viewer) -> Markup:
    """What Stripe's last word is not known of: the order of its last events is in doubt."""
    rows = [
        (
            _searched(suspect),
            suspect.kind.capitalize(),
            suspect.held or elements.DASH,
            elements.time(suspect.since, who),
        )
        for suspect in suspects
    ]
    return elements.table(_SUSPECTS, rows, "Order in doubt")


def _searched(suspect: Suspect) -> Markup:
    shown = elements.code(suspect.object_id)
    if suspect.kind not in _SEARCHED:
        return shown
    return elements.link(shown, "/organizations", q=suspect.object_id)


def seconds_text(seconds: float) -> str:
    """A lag: "40 ms", "1.2 s", "3 minutes"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else lasting(seconds)


def _numbers(health: WebhookHealth, wrong: Collection[str], now: datetime) -> list[_Tile]:
    waiting = health.oldest_pending_at
    oldest = lasting((now - waiting).total_seconds()) if waiting is not None else "–"
    walks = health.reconcile
    recovered = walks.recovered_since(now - timedelta(days=1)) if walks is not None else 0
    return [
        _tile(
            _last(health, now),
            "Last event",
            _gap(health.usual_gap_seconds),
            _is(wrong, "silence", "endpoint_disabled"),
        ),
        _tile(str(health.backlog), "Backlog", "Stored, not applied yet", _is(wrong, "backlog")),
        _tile(oldest, "Oldest pending", "Waits to be applied", _is(wrong, "oldest_pending")),
        _tile(str(health.parked), "Parked", "Wait for a person", _is(wrong, "parked")),
        _lag(health.receive_lag, "From Stripe to us", _is(wrong, "receive_lag")),
        _lag(health.apply_lag, "From us to applied", _is(wrong, "apply_lag")),
        _tile(
            f"{recovered:,}",
            "Recovered",
            "Missed by webhook, in a day",
            _is(wrong, "recovered", "reconcile_age"),
        ),
        _tile(str(health.drift), "Drift", "Fields otherwise, in a day", _is(wrong, "drift")),
        _tile(
            str(len(health.unmapped_prices)),
            "Unmapped prices",
            "Paid, named by no plan",
            _is(wrong, "unmapped_prices"),
        ),
    ]


def _tile(value: Text, label: str, below: Text, alert: bool) -> _Tile:
    if not alert:
        return value, label, "plain", below
    return value, label, "bad", elements.lines(elements.badge("Alert", "bad"), below)


def _is(wrong: Collection[str], *names: str) -> bool:
    return any(name in wrong for name in names)


def _last(health: WebhookHealth, now: datetime) -> Text:
    at = health.last_received_at
    return elements.timed(ago(at, now), at) if at is not None else "Never"


def _gap(seconds: float | None) -> str:
    return f"Usual gap {lasting(seconds)}" if seconds is not None else "Too few to tell a gap"


def _lag(percentiles: Percentiles | None, label: str, alert: bool) -> _Tile:
    if percentiles is None:
        return _tile("–", label, "No event in a day", alert)
    rest = f"p50 of a day; p95 {seconds_text(percentiles.p95)}, p99 {seconds_text(percentiles.p99)}"
    return _tile(seconds_text(percentiles.p50), label, rest, alert)


def _unmapped(price: UnmappedPrice) -> tuple[Text, ...]:
    return (
        elements.lines(
            elements.link(elements.code(price.price_id), "/organizations", q=price.price_id),
            elements.quiet(price.lookup_key or ""),
        ),
        elements.untrusted(price.product_name or price.nickname),
        str(price.subscriptions),
    )
