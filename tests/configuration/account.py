"""A stand-in Stripe that the configuration is brought to."""

import stripe

from billing_core.config import BillingConfig, load_config
from billing_core.configuration.applying import apply_catalog, apply_portal, read_catalog
from billing_core.configuration.catalog_plan import plan_catalog
from billing_core.configuration.difference import Plan
from billing_core.configuration.portal_plan import plan_portal
from billing_core.settings import ROOT
from billing_core.stripe_gateway.configuration import ConfigurationGateway

KEY = "rk_test_of_the_configurations_tests"


class Account:
    """A running sandbox, seen through the gateway and through Stripe's own client."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.app_url = url
        self.gateway = ConfigurationGateway(KEY, api_base=url)
        self.v1 = stripe.StripeClient(KEY, base_addresses={"api": url}).v1
        self.config = load_config(ROOT / "billing.toml")

    def catalog_plan(self, config: BillingConfig | None = None) -> Plan:
        config = config or self.config
        return plan_catalog(config, read_catalog(config, self.gateway))

    def portal_plan(self, config: BillingConfig | None = None) -> Plan:
        config = config or self.config
        seen = read_catalog(config, self.gateway)
        found = self.gateway.read_configurations()
        return plan_portal(config, seen, found, app_url=self.app_url)

    def apply(self, config: BillingConfig | None = None) -> list[str]:
        """Bring the sandbox to the file; the ids of what was made or changed."""
        config = config or self.config
        seen = read_catalog(config, self.gateway)
        done = list(apply_catalog(config, plan_catalog(config, seen), seen, self.gateway))
        seen = read_catalog(config, self.gateway)
        done += apply_portal(config, self.portal_plan(config), seen, self.gateway)
        return [each.stripe_id for each in done]

    def at_price(self, amount: int) -> BillingConfig:
        """The file with another amount for Pro by the month."""
        pro = self.config.catalog["pro"]
        price = pro.prices["pro_monthly"].model_copy(update={"unit_amount": amount})
        prices = {**pro.prices, "pro_monthly": price}
        product = pro.model_copy(update={"prices": prices})
        return self.config.model_copy(update={"catalog": {**self.config.catalog, "pro": product}})
