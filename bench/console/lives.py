"""Two years of many organizations' lives: who subscribes, renews, falls behind, leaves, returns."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.console.names import organization_name
from bench.console.objects import (
    MARK,
    PRICES,
    UNMAPPED,
    Json,
    Price,
    Subscription,
    customer,
    invoice,
    marked,
)

HOUR = 3_600
DAY = 24 * HOUR
SPAN = 730 * DAY
_LENGTH = {"month": 30 * DAY, "year": 365 * DAY}
_FEEDBACK = (
    "too_expensive",
    "switched_service",
    "unused",
    "missing_features",
    "customer_service",
    "too_complex",
    "low_quality",
    "other",
    None,
)
_COMMENTS = (
    None,
    None,
    None,
    "We are moving to another tool.",
    "予算がなくなりました。",
    "Nicht mehr gebraucht, danke für alles!",
    "The export never worked for us; =SUM(A1) shows as text.",
    "لم نعد بحاجة إليه",
)
_MAPPED = tuple(price for price in PRICES if price.key != UNMAPPED)


@dataclass(frozen=True, slots=True)
class Happening:
    """One event to come; ``minor`` ones are about money that we do not keep."""

    created: int
    type: str
    object: Json
    previous: Json | None = None
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Newcomer:
    """An organization that is known to the company and has no Stripe customer."""

    org_id: str
    name: str
    email: str


@dataclass
class _Life:
    """One organization's story as it is told; it ends at ``end``, the present."""

    number: int
    choose: random.Random
    end: int
    told: list[Happening] = field(default_factory=list)

    def __post_init__(self) -> None:
        name, slug = organization_name(self.choose)
        self.name = name
        self.email = f"{self.choose.choice(('billing', 'ap', 'office'))}@{slug}-{self.number}"
        self.email += f".{MARK}.bench.example"
        # A company that grows: half of its customers came in the last three months.
        self.born = int(self.end - 2 * HOUR - SPAN * self.choose.random() ** 3)
        self.subscription = self.new_subscription(self.choose.choice(_MAPPED), self.born + 60)

    def new_subscription(self, price: Price, at: int, part: str = "") -> Subscription:
        return Subscription(
            number=self.number,
            price=price,
            quantity=self.choose.choice((1, 1, 1, 2, 3, 5, 8, 25, 120)),
            start=at,
            period_start=at,
            period_end=at + _LENGTH[price.interval],
            part=part,
        )

    def tell(self, at: int, type_: str, obj: Json, previous: Json | None = None) -> None:
        """Add an event, unless it is still to come."""
        if at <= self.end:
            self.told.append(Happening(at, type_, obj, previous, type_.startswith("invoice.")))

    def arrive(self, *, claimed: int | None = None) -> None:
        """The customer comes to be; it claims its own org unless told otherwise."""
        org = self.number if claimed is None else claimed
        made = customer(self.number, self.name, self.email, self.born, org=org)
        self.tell(self.born, "customer.created", made)

    def begin(self, status: str = "active") -> None:
        """The subscription begins."""
        self.subscription.status = status
        start = self.subscription.start
        self.tell(start, "customer.subscription.created", self.subscription.render())
        if status == "active":
            self.tell(start + 2, "invoice.paid", invoice(self.subscription, start, "paid"))

    def change(self, at: int, **changes: Any) -> None:  # noqa: ANN401 - any field of it
        """The subscription changes."""
        before = self.subscription.render()
        for name, value in changes.items():
            setattr(self.subscription, name, value)
        after = self.subscription.render()
        previous = {name: before[name] for name in before if before[name] != after[name]}
        self.tell(at, "customer.subscription.updated", after, previous)

    def renew(self, *, until: int) -> None:
        """Renew the subscription whenever its period is over before ``until``."""
        current = self.subscription
        while current.period_end < until:
            at = current.period_end
            self.change(at, period_start=at, period_end=at + _LENGTH[current.price.interval])
            self.tell(at + HOUR, "invoice.paid", invoice(current, at, "paid"))

    def some_time(self, after: int) -> int:
        """A moment between ``after`` and the present."""
        return self.choose.randint(min(after, self.end - 1), self.end - 1)

    def ask_to_leave(self, at: int) -> None:
        """Cancel at the end of the period: by the flag, or by the date as newer accounts do."""
        flagged = self.choose.random() < 0.5
        self.change(
            at,
            cancel_at_period_end=flagged,
            cancel_at=self.subscription.period_end,
            canceled_at=at,
            cancellation={
                "comment": self.choose.choice(_COMMENTS),
                "feedback": self.choose.choice(_FEEDBACK),
                "reason": "cancellation_requested",
            },
        )

    def stay(self, at: int) -> None:
        """Take the cancellation back."""
        self.change(
            at,
            cancel_at_period_end=False,
            cancel_at=None,
            canceled_at=None,
            cancellation={"comment": None, "feedback": None, "reason": None},
        )

    def end_subscription(self, at: int) -> None:
        """The subscription ends."""
        self.subscription.status = "canceled"
        self.subscription.ended_at = at
        self.subscription.canceled_at = self.subscription.canceled_at or at
        self.tell(at, "customer.subscription.deleted", self.subscription.render())


def _active(life: _Life) -> None:
    life.begin()
    life.renew(until=life.end)


def _changed(life: _Life) -> None:
    life.begin()
    at = life.some_time(life.born + HOUR)
    life.renew(until=at)
    life.change(at, price=life.choose.choice(_MAPPED), quantity=life.choose.randint(1, 40))
    life.renew(until=life.end)


def _leaving(life: _Life) -> None:
    _active(life)
    life.ask_to_leave(life.some_time(life.subscription.period_start + 60))


def _saved(life: _Life) -> None:
    _active(life)
    asked = life.some_time(life.subscription.period_start + 60)
    life.ask_to_leave(asked)
    life.stay(life.some_time(asked + 60))


def _overdue(life: _Life) -> None:
    """The period is over, and no deletion has come."""
    life.begin()
    over = life.end - life.choose.randint(HOUR, 6 * DAY)
    life.renew(until=over)
    life.subscription.period_end = over
    life.ask_to_leave(over - DAY)


def _ended(life: _Life) -> None:
    life.begin()
    at = life.some_time(life.born + HOUR)
    life.renew(until=at)
    life.ask_to_leave(at)
    over = min(life.subscription.period_end, at + life.choose.randint(HOUR, 25 * DAY))
    life.end_subscription(min(over, life.end - 1))


def _trialing(life: _Life) -> None:
    life.born = life.end - life.choose.randint(HOUR, 13 * DAY)
    start = life.born + 60
    life.subscription = life.new_subscription(life.subscription.price, start)
    life.subscription.period_end = life.subscription.trial_end = start + 14 * DAY


def _behind(status: str) -> Callable[[_Life], None]:
    def live(life: _Life) -> None:
        _active(life)
        at = life.some_time(life.subscription.period_start + HOUR)
        life.change(at, status="past_due")
        life.tell(at + 1, "invoice.payment_failed", invoice(life.subscription, at, "open"))
        if status != "past_due":
            life.change(life.some_time(at + HOUR), status=status)

    return live


def _paused(life: _Life) -> None:
    _active(life)
    life.change(life.some_time(life.subscription.period_start + HOUR), status="paused", paused=True)


def _incomplete(life: _Life) -> None:
    life.born = life.end - life.choose.randint(HOUR, 22 * HOUR)
    life.subscription = life.new_subscription(life.subscription.price, life.born + 60)
    life.begin("incomplete")


def _expired(life: _Life) -> None:
    life.begin("incomplete")
    life.change(life.subscription.start + 23 * HOUR, status="incomplete_expired")


def _unmapped(life: _Life) -> None:
    life.subscription.price = next(price for price in PRICES if price.key == UNMAPPED)
    _active(life)


def _two(life: _Life) -> None:
    """An old subscription that has ended, and a newer one."""
    _ended(life)
    start = life.some_time((life.subscription.ended_at or life.born) + HOUR)
    life.subscription = life.new_subscription(life.choose.choice(_MAPPED), start, "second")
    _active(life)


_LIVES: tuple[tuple[float, Callable[[_Life], None]], ...] = (
    (0.660, _active),
    (0.060, _changed),
    (0.030, _leaving),
    (0.020, _saved),
    (0.001, _overdue),
    (0.080, _ended),
    (0.030, _trialing),
    (0.030, _behind("past_due")),
    (0.008, _behind("unpaid")),
    (0.006, _paused),
    (0.004, _incomplete),
    (0.006, _expired),
    (0.003, _unmapped),
    (0.012, _two),
)
_NO_SUBSCRIPTION = 0.03
_NO_CUSTOMER = 0.02
_CONFLICT = 0.0005


def life(number: int, choose: random.Random, end: int) -> list[Happening] | Newcomer:
    """One organization's story in order, or the organization where Stripe knows nothing of it."""
    told = _Life(number, choose, end)
    if choose.random() < _NO_CUSTOMER:
        return Newcomer(marked("org", number), told.name, told.email)
    without = choose.random() < _NO_SUBSCRIPTION
    live = choose.choices([live for _, live in _LIVES], [share for share, _ in _LIVES])[0]
    if live is _trialing:
        _trialing(told)
    told.arrive(claimed=number - 1 if number and choose.random() < _CONFLICT else None)
    if not without:
        if live is _trialing:
            told.begin("trialing")
        else:
            live(told)
    return sorted(told.told, key=lambda each: each.created)


def catalogue(at: int) -> Iterator[Happening]:
    """The products and prices, before anybody buys."""
    products = sorted({price.product for price in PRICES})
    for product in products:
        name = product.rpartition("_")[2].capitalize()
        yield Happening(
            at,
            "product.created",
            {"id": product, "object": "product", "name": name, "active": True},
        )
    for price in PRICES:
        yield Happening(at + 1, "price.created", price.render())
