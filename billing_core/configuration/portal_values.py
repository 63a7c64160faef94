"""What a portal configuration of the file says, setting by setting under Stripe's names."""

from billing_core.configuration.difference import Value
from billing_core.configuration.portal import (
    PauseDuration,
    PortalConfiguration,
    PortalFeatures,
    SubscriptionUpdate,
)
from billing_core.urls import absolute_url

PRODUCTS = "features.subscription_update.products"
PAUSE_OPTIONS = "features.subscription_pause.duration.interval_options"
SCHEDULING = "features.subscription_update.schedule_at_period_end.conditions"


def configuration_values(configuration: PortalConfiguration, *, app_url: str) -> dict[str, Value]:
    """The settings that the file decides about, the products that are offered aside.

    Of a feature that is off only that is said. Raises BillingError for a return path that would
    leave ``app_url``.
    """
    profile = configuration.business_profile
    said: dict[str, Value] = {
        "name": configuration.name,
        "default_return_url": _absolute(configuration.default_return_url, app_url),
        "login_page.enabled": configuration.login_page,
        "business_profile.headline": profile.headline,
        "business_profile.privacy_policy_url": profile.privacy_policy_url,
        "business_profile.terms_of_service_url": profile.terms_of_service_url,
        "active": True,
        **_features(configuration.features),
    }
    return {name: value for name, value in said.items() if value is not None}


def _absolute(place: str | None, app_url: str) -> str | None:
    if place is None or not place.startswith("/"):
        return place
    return absolute_url(place, base=app_url)


def _features(features: PortalFeatures) -> dict[str, Value]:
    details: dict[str, dict[str, Value]] = {
        "customer_update": {
            "allowed_updates": tuple(sorted(features.customer_update.allowed_updates))
        },
        "invoice_history": {},
        "payment_method_update": {
            "payment_method_configuration": (
                features.payment_method_update.payment_method_configuration
            )
        },
        "subscription_cancel": _cancel(features),
        "subscription_pause": _pause(features.subscription_pause.duration),
        "subscription_update": _update(features.subscription_update),
    }
    said: dict[str, Value] = {}
    for feature, settings in details.items():
        enabled: bool = getattr(features, feature).enabled
        said[f"features.{feature}.enabled"] = enabled
        if enabled:
            said |= {f"features.{feature}.{name}": value for name, value in settings.items()}
    return said


def _cancel(features: PortalFeatures) -> dict[str, Value]:
    cancel = features.subscription_cancel
    reason = cancel.cancellation_reason
    said: dict[str, Value] = {
        "mode": cancel.mode,
        "proration_behavior": cancel.proration_behavior,
        "cancellation_reason.enabled": reason.enabled,
    }
    if reason.enabled:
        said["cancellation_reason.options"] = tuple(sorted(reason.options))
    return said


def _pause(duration: PauseDuration) -> dict[str, Value]:
    said: dict[str, Value] = {"duration.type": duration.type}
    if duration.interval_options:
        lengths = (f"{each.interval_count} {each.interval}" for each in duration.interval_options)
        said["duration.interval_options"] = tuple(sorted(lengths))
    return said


def _update(update: SubscriptionUpdate) -> dict[str, Value]:
    return {
        "default_allowed_updates": tuple(sorted(update.default_allowed_updates)),
        "proration_behavior": update.proration_behavior,
        "trial_update_behavior": update.trial_update_behavior,
        "billing_cycle_anchor": update.billing_cycle_anchor,
        "schedule_at_period_end.conditions": tuple(sorted(update.schedule_at_period_end)),
    }
