"""The thread inside the service that asks Stripe: about suspects at once, for the rest by the clock.

Of several listeners on one database one asks: it holds a lease, and another takes over when it
lapses.
"""

import secrets
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from billing_core.errors import BillingError
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.fetched import FetchedObject
from webhook_listener import state
from webhook_listener.apply import describe
from webhook_listener.database import lock_state, reading_transaction
from webhook_listener.metrics import Metrics
from webhook_listener.missed import backfill as backfilling
from webhook_listener.missed import drift, schedule
from webhook_listener.missed import reconcile as reconciling
from webhook_listener.missed.configuration import ConfigurationLook
from webhook_listener.missed.endpoint import EndpointLook
from webhook_listener.missed.inbound import Inbound, utc_now
from webhook_listener.missed.suspects import Suspects
from webhook_listener.settings import ListenerSettings

LEASE = "asks_stripe"
LEASE_LASTS = timedelta(seconds=30)
_RENEW_SECONDS = 10.0
_TICK_SECONDS = 0.5
_PAUSE_SECONDS = 10.0
# A start is when webhooks that were held up arrive by themselves.
_FIRST_RECONCILE_AFTER = 20.0
_DRIFT_PATIENCE_SECONDS = 60.0
_ASK_SECONDS = 1.0
_log = structlog.get_logger("webhook_listener.watch")


class Watch:
    """Runs from ``start`` to ``stop``; whatever fails is logged and tried again later."""

    def __init__(
        self,
        inbound: Inbound,
        gateway: StripeGateway,
        settings: ListenerSettings,
        metrics: Metrics,
        endpoint: EndpointLook,
        configuration: ConfigurationLook,
    ) -> None:
        self._inbound = inbound
        self._gateway = gateway
        self._endpoint = endpoint
        self._configuration = configuration
        self._every = timedelta(seconds=settings.reconcile_seconds)
        self._drift_sample = settings.drift_sample
        self._metrics = metrics
        self._suspects = Suspects(inbound, gateway)
        self._lease = Lease(inbound, LEASE)
        self._differing: list[FetchedObject] = []
        self._differing_until = 0.0
        self._ask_after = 0.0
        self._reconcile_from = time.monotonic() + min(
            _FIRST_RECONCILE_AFTER, self._every.total_seconds()
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="watch", daemon=True)

    def start(self) -> None:
        """Start asking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop asking. A question under way is not waited for: its answer comes again."""
        self._stop.set()
        self._thread.join(timeout=2)
        self._lease.release()

    def _repeat(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            try:
                self._turn()
            except BillingError as error:
                _log.warning("stripe.not_answered", code=error.code.value)
                self._stop.wait(_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - the database is away; asking can wait
                _log.warning("watch.failed", cause=describe(error))
                self._stop.wait(_PAUSE_SECONDS)

    def _turn(self) -> None:
        if not self._lease.hold():
            return
        self._metrics.asked.inc(self._suspects.ask())
        if self._differing and time.monotonic() >= self._differing_until:
            differing, self._differing = self._differing, []
            self._metrics.drift.inc(len(drift.record_lasting(self._inbound, differing)))
        asked = time.monotonic() >= self._ask_after and self._is_asked_for()
        if asked or self._reconcile_is_due():
            self._endpoint.look(again=asked)
            self._reconcile()
        self._configuration.look()

    def _is_asked_for(self) -> bool:
        self._ask_after = time.monotonic() + _ASK_SECONDS
        with reading_transaction(self._inbound.engine) as connection:
            asked_at = schedule.asked_at(connection)
            ran_at = state.read(connection, reconciling.STATE).get("ran_at")
        if asked_at is None:
            return False
        return ran_at is None or datetime.fromisoformat(ran_at) < asked_at

    def _reconcile_is_due(self) -> bool:
        if not self._every or time.monotonic() < self._reconcile_from:
            return False
        with reading_transaction(self._inbound.engine) as connection:
            ran_at = state.read(connection, reconciling.STATE).get("ran_at")
        return ran_at is None or utc_now() - datetime.fromisoformat(ran_at) >= self._every

    def _reconcile(self) -> None:
        try:
            done = reconciling.reconcile(self._inbound, self._gateway)
        except BillingError:
            self._metrics.reconciled("failed", missing=0)
            raise
        self._metrics.reconciled("done", missing=done.missing)
        if done.beyond_retention:
            self._fill_back()
        if self._drift_sample and not self._differing:
            self._differing = drift.find_differing(
                self._inbound, self._gateway, sample=self._drift_sample
            )
            self._differing_until = time.monotonic() + _DRIFT_PATIENCE_SECONDS

    def _fill_back(self) -> None:
        """Read the objects themselves; what is not read when this ends is read another time."""
        _log.warning("backfill.begun")
        for progress in backfilling.backfill(self._inbound, self._gateway):
            _log.info("backfill.read", stage=progress.stage, read=progress.read)
            if self._stop.is_set() or not self._lease.hold():
                return


class Lease:
    """The right to do something, such as asking Stripe, for all listeners on one database."""

    def __init__(self, inbound: Inbound, name: str) -> None:
        self._inbound = inbound
        self._name = name
        self._holder = secrets.token_hex(8)
        self._renew_at = 0.0
        self._held = inbound.engine.dialect.name == "sqlite"  # which one listener has to itself

    def hold(self) -> bool:
        """Whether this process may do it now; takes or renews the lease where that is due."""
        if self._inbound.engine.dialect.name == "sqlite":
            return True
        if time.monotonic() >= self._renew_at:
            self._held = self._inbound.write(self._take)
            self._renew_at = time.monotonic() + _RENEW_SECONDS
        return self._held

    def release(self) -> None:
        """Give the lease back, so that another need not wait until it lapses."""
        if self._inbound.engine.dialect.name == "sqlite" or not self._held:
            return
        self._held = False
        with suppress(Exception):  # it lapses by itself
            self._inbound.write(self._give_back)

    def _give_back(self, connection: Connection) -> None:
        lock_state(connection)
        if state.read(connection, self._name).get("holder") == self._holder:
            state.keep(connection, self._name, {"holder": None}, now=utc_now())

    def _take(self, connection: Connection) -> bool:
        lock_state(connection)
        now = utc_now()
        kept = state.read(connection, self._name)
        theirs = kept.get("holder") not in (None, self._holder)
        if theirs and datetime.fromisoformat(kept["until"]) > now:
            return False
        value = {"holder": self._holder, "until": (now + LEASE_LASTS).isoformat()}
        state.keep(connection, self._name, value, now=now)
        return True
