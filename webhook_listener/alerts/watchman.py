"""The thread that judges how things stand and tells ops; nothing else ever waits for it.

Of several listeners on one database one tells: it holds a lease. What was told is kept in the
database, so that neither a restart nor another listener tells it again.
"""

import threading
from collections.abc import Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection

from billing_core.alerts.conditions import judge
from billing_core.config import BillingConfig
from billing_core.queries import webhook_health
from webhook_listener import state
from webhook_listener.alerts.ledger import Due, Ledger
from webhook_listener.alerts.notice import Notice
from webhook_listener.alerts.settings import AlertSettings
from webhook_listener.alerts.targets import Target, TargetError
from webhook_listener.apply import describe
from webhook_listener.database import reading_transaction
from webhook_listener.metrics import Metrics
from webhook_listener.missed.inbound import Inbound, utc_now
from webhook_listener.missed.watch import Lease

STATE = "alerts"
TARGETS = "alert_targets"
LEASE = "sends_alerts"
_log = structlog.get_logger("webhook_listener.alerts")


class Watchman:
    """Runs from ``start`` to ``stop``; whatever fails is logged and tried again."""

    def __init__(
        self,
        inbound: Inbound,
        config: BillingConfig,
        settings: AlertSettings,
        targets: Sequence[Target],
        metrics: Metrics,
    ) -> None:
        self._inbound = inbound
        self._config = config
        self._every = settings.alert_check_seconds
        self._url = f"{settings.console_url.rstrip('/')}/webhooks" if settings.console_url else ""
        self._targets = {target.name: target for target in targets}
        self._metrics = metrics
        self._lease = Lease(inbound, LEASE)
        self._published = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="alerts", daemon=True)

    def start(self) -> None:
        """Start judging."""
        self._thread.start()

    def stop(self) -> None:
        """Stop. A notice on its way is not waited for: what is not kept as told is told again."""
        self._stop.set()
        self._thread.join(timeout=2)
        self._lease.release()

    def turn(self) -> None:
        """Judge once, and tell what is due, if this listener is the one that tells."""
        if not self._lease.hold():
            self._metrics.wrong(())
            return
        now = utc_now()
        with reading_transaction(self._inbound.engine) as connection:
            kept = state.read(connection, STATE)
            conditions = judge(webhook_health(connection, now), self._config.alerts, now)
        self._metrics.wrong([condition.name for condition in conditions])
        self._publish(now)
        ledger = Ledger(kept, tuple(self._targets), self._config.alerts)
        ledger.take(conditions, now)
        if ledger.json() != kept and (kept or conditions):
            self._keep(ledger)
        self._tell(ledger, now)

    def _repeat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - the database is away; this can wait
                _log.warning("alerts.failed", cause=describe(error))

    def _tell(self, ledger: Ledger, now: datetime) -> None:
        for due in list(ledger.due(now)):
            if self._stop.is_set() or not self._lease.hold():
                return
            self._deliver(ledger, due, now)
            self._keep(ledger)

    def _deliver(self, ledger: Ledger, due: Due, now: datetime) -> None:
        notice = Notice(
            kind=due.kind,
            condition=due.name,
            title=due.title,
            sentence=due.sentence,
            since=due.since,
            at=now,
            company=self._config.company.name,
            url=self._url,
        )
        try:
            self._targets[due.target].deliver(notice)
        except TargetError as error:
            ledger.failed(due, now)
            self._metrics.alerts.labels(due.target, "failed").inc()
            _log.warning(
                "alert.not_delivered", target=due.target, condition=due.name, cause=str(error)
            )
        else:
            ledger.told(due, now)
            self._metrics.alerts.labels(due.target, "delivered").inc()
            _log.info("alert.delivered", target=due.target, condition=due.name, kind=due.kind.value)

    def _publish(self, now: datetime) -> None:
        """Once: which targets there are, for the page."""
        if self._published:
            return
        targets = {"targets": sorted(self._targets)}
        self._inbound.write(lambda connection: state.keep(connection, TARGETS, targets, now=now))
        self._published = True

    def _keep(self, ledger: Ledger) -> None:
        kept = ledger.json()

        def keep(connection: Connection) -> None:
            state.keep(connection, STATE, kept, now=utc_now())

        self._inbound.write(keep)
