"""Stripe's catalogue and portal compared with ``billing.toml``, a few times a day.

Also soon after Stripe has told of a change of theirs, such as an ``apply`` or one made by hand in
the dashboard. Only the result is kept; nothing at Stripe is changed.
"""

import time
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, func, select

from billing_core.config import BillingConfig
from billing_core.configuration.comparison import (
    STATE,
    Check,
    Comparison,
    compare,
    fingerprint,
    kept,
    read_kept,
)
from billing_core.errors import BillingError, UnreadableShapeError
from billing_core.stripe_gateway.configuration import ConfigurationGateway
from billing_core.stripe_gateway.ration import ReadRation
from webhook_listener import state
from webhook_listener.database import reading_transaction
from webhook_listener.missed.inbound import Inbound, utc_now
from webhook_listener.tables import ROLLUPS

TYPES = (
    "billing_portal.configuration.created",
    "billing_portal.configuration.updated",
    "price.created",
    "price.deleted",
    "price.updated",
    "product.created",
    "product.deleted",
    "product.updated",
)
# How many such events had been counted when the last comparison was begun.
HEARD = "configuration_heard"
_GLANCE_SECONDS = 15.0
_FIRST_GLANCE_SECONDS = 5.0
# Checks that events bring about: a handful at once, then one in about an hour and a half.
_HASTY = 6
_HASTY_A_MONTH = 480
_log = structlog.get_logger("webhook_listener.configuration")


class ConfigurationLook:
    """Compares when that is due; ``every_seconds`` 0 never does. ``app_url`` completes paths."""

    def __init__(
        self,
        inbound: Inbound,
        gateway: ConfigurationGateway,
        config: BillingConfig,
        *,
        app_url: str,
        every_seconds: int,
    ) -> None:
        self._inbound = inbound
        self._gateway = gateway
        self._config = config
        self._app_url = app_url
        self._every = timedelta(seconds=every_seconds)
        self._hasty = ReadRation(per_month=_HASTY_A_MONTH, burst=_HASTY)
        self._glance_at = time.monotonic() + _FIRST_GLANCE_SECONDS

    def look(self) -> None:
        """Compare if that is due and keep the result. Raises only database errors."""
        if not self._every or not (self._config.catalog or self._config.portal):
            return
        if time.monotonic() < self._glance_at:
            return
        self._glance_at = time.monotonic() + _GLANCE_SECONDS
        with reading_transaction(self._inbound.engine) as connection:
            before = read_kept(state.read(connection, STATE))
            due = self._is_due(connection, before)
        if due:
            self._compare(before)

    def _is_due(self, connection: Connection, before: Check | None) -> bool:
        if before is None or utc_now() - before.tried_at >= self._every:
            return True
        if before.comparison is not None and before.comparison.file != fingerprint(self._config):
            return True
        return _has_heard_more(connection) and self._hasty.take()

    def _compare(self, before: Check | None) -> None:
        now = utc_now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        with reading_transaction(self._inbound.engine) as connection:
            heard = {"hour": hour.isoformat(), "events": _heard_from(connection, hour)}
        last = before.comparison if before is not None else None
        try:
            found = compare(self._config, self._gateway, app_url=self._app_url, now=now)
        except BillingError as error:
            check = Check(now, last, error.message)
        except UnreadableShapeError:
            check = Check(now, last, "Stripe's answer could not be understood.")
        else:
            check = Check(now, _since_when(found, last))
            if not found.in_step:
                pending = [*found.catalog.pending, *found.portal.pending]
                _log.warning("configuration.differs", items=[item.name for item in pending])

        def keep(connection: Connection) -> None:
            state.keep(connection, STATE, kept(check), now=now)
            state.keep(connection, HEARD, heard, now=now)

        self._inbound.write(keep)


def _since_when(found: Comparison, last: Comparison | None) -> Comparison:
    if found.in_step or last is None or last.differs_since is None:
        return found
    return replace(found, differs_since=last.differs_since)


def _has_heard_more(connection: Connection) -> bool:
    """Whether Stripe has told of such a change since the last comparison was begun."""
    heard = state.read(connection, HEARD)
    if not heard:
        return False
    since = datetime.fromisoformat(heard["hour"])
    return _heard_from(connection, since) > int(heard["events"])


def _heard_from(connection: Connection, hour: datetime) -> int:
    r = ROLLUPS.c
    counted = select(func.coalesce(func.sum(r.events), 0)).where(r.hour >= hour, r.type.in_(TYPES))
    return int(connection.execute(counted).scalar_one())
