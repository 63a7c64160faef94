"""``billing.toml``: plans, access policy, company; read once, frozen."""

import tomllib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from billing_core.alerts.policy import AlertPolicy
from billing_core.configuration.catalog import Catalog, product_by_lookup_key
from billing_core.configuration.portal import Feature, Portal, check_offers, first_allowing
from billing_core.configuration.section import Section
from billing_core.errors import SettingsError


class Plan(Section):
    """A plan: what customers buy, whatever price they pay for it."""

    name: str
    lookup_keys: tuple[str, ...] = ()
    retired_price_ids: tuple[str, ...] = ()


class AccessPolicy(Section):
    """Which statuses keep access where the company may choose."""

    past_due: bool = True


class Company(Section):
    """How the company presents itself to its customers."""

    name: str = "Our company"
    colour: str = Field(default="#3B5BDB", pattern=r"^#[0-9A-Fa-f]{6}$")
    support_email: str = ""


class LinkPolicy(Section):
    """How long support links live, and how many of them one person may make."""

    lifetime_hours: int = Field(default=72, ge=1, le=720)
    longest_days: int = Field(default=30, ge=1, le=30)
    made_per_hour: int = Field(default=30, ge=1)
    record_address: bool = False
    retention_coupon: str | None = None

    @model_validator(mode="after")
    def _default_is_allowed(self) -> "LinkPolicy":
        if self.lifetime_hours > self.longest_days * 24:
            raise ValueError("lifetime_hours is longer than longest_days allows")
        return self


class BillingConfig(Section):
    """The whole of ``billing.toml``."""

    org_id_metadata_key: str = "org_id"
    company: Company = Company()
    plans: Mapping[str, Plan] = {}
    access: AccessPolicy = AccessPolicy()
    catalog: Catalog = Field(default={})
    portal: Portal = Field(default={})
    links: LinkPolicy = LinkPolicy()
    alerts: AlertPolicy = AlertPolicy()

    @model_validator(mode="after")
    def _each_key_names_one_plan(self) -> "BillingConfig":
        seen: dict[str, str] = {}
        for slug, plan in self.plans.items():
            for key in (*plan.lookup_keys, *plan.retired_price_ids):
                if seen.setdefault(key, slug) != slug:
                    raise ValueError(f"{key!r} names both plan {seen[key]!r} and plan {slug!r}")
        return self

    @model_validator(mode="after")
    def _catalog_agrees_with_plans(self) -> "BillingConfig":
        for key, product in product_by_lookup_key(self.catalog).items():
            plan = self.plan_of_product(product)
            if plan is not None and self.plan_by_lookup_key.get(key) != plan:
                raise ValueError(
                    f"catalog.{product} has the price {key!r}, which plans.{plan}.lookup_keys lacks"
                )
        return self

    @model_validator(mode="after")
    def _portal_offers_what_the_catalog_has(self) -> "BillingConfig":
        check_offers(self.portal, self.catalog)
        return self

    @cached_property
    def plan_by_lookup_key(self) -> Mapping[str, str]:
        """Each lookup key's plan slug."""
        return {key: slug for slug, plan in self.plans.items() for key in plan.lookup_keys}

    @cached_property
    def plan_by_price_id(self) -> Mapping[str, str]:
        """Each retired price id's plan slug."""
        return {
            price: slug for slug, plan in self.plans.items() for price in plan.retired_price_ids
        }

    def plan_for(self, lookup_key: str | None, price_id: str | None) -> str | None:
        """The slug of the plan that a price is for, or None where nothing maps it."""
        if lookup_key is not None and lookup_key in self.plan_by_lookup_key:
            return self.plan_by_lookup_key[lookup_key]
        return self.plan_by_price_id.get(price_id) if price_id is not None else None

    def plan_of_product(self, product: str) -> str | None:
        """The slug of the plan that a product of the catalogue is for, or None for an extra.

        Raises ValueError where the product names a plan that the file does not have.
        """
        named = self.catalog[product].plan
        if named is not None and named not in self.plans:
            raise ValueError(f"catalog.{product}.plan: there is no plan {named!r}")
        return named or (product if product in self.plans else None)

    def portal_allows(self, feature: Feature) -> bool | None:
        """Whether some configuration of the portal has the feature on.

        None where the file configures no portal: what Stripe's dashboard says then holds.
        """
        return first_allowing(self.portal, feature) is not None if self.portal else None

    def plan_name(self, slug: str | None) -> str | None:
        """A plan's name for people; the slug itself once the plan has left the file."""
        if slug is None:
            return None
        return self.plans[slug].name if slug in self.plans else slug


@lru_cache(maxsize=4)
def load_config(path: Path) -> BillingConfig:
    """Read ``billing.toml`` at ``path``. Raises SettingsError with a sentence."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return BillingConfig.model_validate(data)
    except FileNotFoundError:
        raise SettingsError(
            f"BILLING_CONFIG names {path}, which does not exist. Point it at your billing.toml."
        ) from None
    except OSError as error:
        raise SettingsError(
            f"BILLING_CONFIG names {path}, which cannot be read: {error.strerror}."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'file'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"{path} cannot be used: {faults}") from None
