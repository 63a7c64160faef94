"""Which portal configuration a visit opens in: the one that ``billing-config portal apply`` made."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from billing_core.config import BillingConfig
from billing_core.configuration.portal import Feature, PortalConfiguration, offered_lookup_keys
from billing_core.configuration.stripes_side import MARK
from billing_core.destinations import Flow
from billing_core.errors import BillingError
from billing_core.stripe_gateway.client import StripeGateway

KEPT_SECONDS = 300.0
FEATURES: dict[Flow, Feature] = {
    Flow.SUBSCRIPTION_CANCEL: "subscription_cancel",
    Flow.SUBSCRIPTION_UPDATE: "subscription_update",
    Flow.SUBSCRIPTION_UPDATE_CONFIRM: "subscription_update",
    Flow.SUBSCRIPTION_PAUSE: "subscription_pause",
    Flow.PAYMENT_METHOD_UPDATE: "payment_method_update",
    Flow.CUSTOMER_UPDATE: "customer_update",
}


@dataclass(frozen=True, slots=True)
class _Kept:
    ids: Mapping[str, str]
    until: float


_kept: "WeakKeyDictionary[StripeGateway, _Kept]" = WeakKeyDictionary()
_lock = threading.Lock()


def configuration_id(
    gateway: StripeGateway,
    config: BillingConfig,
    flow: Flow | None = None,
    *,
    lookup_key: str | None = None,
) -> str | None:
    """The configuration for a visit, or None where Stripe's default one holds.

    That is the first of the file's, among those applied, in which the screen's feature is on and,
    for a given change, ``lookup_key`` is offered. What Stripe has is asked for once in five minutes.
    Raises BillingError where Stripe does not answer and never has.
    """
    if not config.portal:
        return None
    return choose(config, _applied(gateway), flow, lookup_key=lookup_key)


def choose(
    config: BillingConfig,
    applied: Mapping[str, str],
    flow: Flow | None = None,
    *,
    lookup_key: str | None = None,
) -> str | None:
    """The id among ``applied`` (by the file's names); None only where none of the file's is there.

    Where no configuration has the feature, the first is chosen, and Stripe refuses the visit.
    """
    there = [name for name in config.portal if name in applied]
    for name in there:
        if flow is None or _opens(config, config.portal[name], flow, lookup_key):
            return applied[name]
    return applied[there[0]] if there else None


def _opens(
    config: BillingConfig, configuration: PortalConfiguration, flow: Flow, lookup_key: str | None
) -> bool:
    if not configuration.features.allows(FEATURES[flow]):
        return False
    if flow is not Flow.SUBSCRIPTION_UPDATE_CONFIRM or lookup_key is None:
        return True
    products = configuration.features.subscription_update.products
    return any(
        lookup_key in offered_lookup_keys(slug, offered, config.catalog)
        for slug, offered in products.items()
    )


def _applied(gateway: StripeGateway) -> Mapping[str, str]:
    with _lock:
        kept = _kept.get(gateway)
    if kept is not None and time.monotonic() < kept.until:
        return kept.ids
    try:
        ids = gateway.applied_portal_configurations(MARK)
    except BillingError:
        if kept is None:
            raise
        return kept.ids
    with _lock:
        _kept[gateway] = _Kept(ids, time.monotonic() + KEPT_SECONDS)
    return ids
