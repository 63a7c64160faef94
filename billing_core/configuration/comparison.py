"""File and Stripe compared at one moment, as it is kept between the listener and the console."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from billing_core.config import BillingConfig
from billing_core.configuration.applying import read_catalog
from billing_core.configuration.catalog_plan import plan_catalog
from billing_core.configuration.difference import Plan
from billing_core.configuration.portal_plan import plan_portal
from billing_core.configuration.stripes_side import CatalogSide, PortalSide

# Under this name it stands in ``listener_state``.
STATE = "configuration"


class BothSides(CatalogSide, PortalSide, Protocol):
    """Stripe as far as a comparison needs it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between the file and Stripe at ``checked_at``.

    ``file`` is the fingerprint of the sections that were compared. ``differs_since`` is when a
    difference was first seen, None while there is none.
    """

    checked_at: datetime
    file: str
    catalog: Plan
    portal: Plan
    differs_since: datetime | None = None

    @property
    def in_step(self) -> bool:
        """Whether Stripe has everything as the file says."""
        return self.catalog.in_step and self.portal.in_step


@dataclass(frozen=True, slots=True)
class Check:
    """The last try to compare: its result, and where it failed the sentence that says why.

    A failure keeps the ``comparison`` before it.
    """

    tried_at: datetime
    comparison: Comparison | None = None
    failure: str | None = None


_CHECK: TypeAdapter[Check] = TypeAdapter(Check)


def compare(config: BillingConfig, stripe: BothSides, *, app_url: str, now: datetime) -> Comparison:
    """Read what Stripe has and compare. Raises BillingError.

    That takes one read for ten lookup keys and one for the portal.
    """
    seen = read_catalog(config, stripe)
    found = stripe.read_configurations() if config.portal else ()
    catalog = plan_catalog(config, seen)
    portal = plan_portal(config, seen, found, app_url=app_url)
    in_step = catalog.in_step and portal.in_step
    return Comparison(now, fingerprint(config), catalog, portal, None if in_step else now)


def fingerprint(config: BillingConfig) -> str:
    """The same text for the same ``[catalog…]``, ``[portal…]`` and plans, and no other."""
    told = config.model_dump_json(include={"catalog", "portal", "plans"})
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def kept(check: Check) -> dict[str, Any]:
    """A check as JSON."""
    dumped: dict[str, Any] = _CHECK.dump_python(check, mode="json")
    return dumped


def read_kept(value: Mapping[str, Any] | None) -> Check | None:
    """A check from JSON; None where none was kept, or one of another version."""
    if not value:
        return None
    try:
        return _CHECK.validate_python(value)
    except ValidationError:
        return None
