"""Stripe's API as far as the product uses it: sessions to be made, objects and lists to be read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote

import orjson
import stripe

from billing_core.errors import BillingError, BillingErrorCode
from billing_core.facts import PriceFacts
from billing_core.settings import settings
from billing_core.stripe_gateway import shapes
from billing_core.stripe_gateway.asking import asked, stripes_time
from billing_core.stripe_gateway.fetched import FetchedObject, RawEvent, WebhookEndpoint
from billing_core.stripe_gateway.portal_flow import PortalFlow, flow_data
from billing_core.stripe_gateway.ration import ReadRation
from billing_core.stripe_gateway.refusals import Fault, refusal_for
from billing_core.stripe_gateway.sessions import CheckoutSession, PortalSession

TIMEOUT = (3.0, 10.0)
RETRIES = 2
PAGE = 100


class StripeGateway:
    """Stripe's API as far as the product uses it. Safe to share between threads.

    ``ration`` limits reads; None does not. Every method raises BillingError.
    """

    def __init__(
        self, api_key: str, *, api_base: str | None = None, ration: ReadRation | None = None
    ) -> None:
        self._client = stripe.StripeClient(
            api_key,
            http_client=stripe.RequestsClient(timeout=TIMEOUT),
            max_network_retries=RETRIES,
            base_addresses={"api": api_base} if api_base else None,
        )
        self._ration = ration

    def __repr__(self) -> str:
        return "StripeGateway(api_key=<hidden>)"

    def create_portal_session(
        self,
        *,
        customer_id: str,
        return_url: str,
        idempotency_key: str,
        flow: PortalFlow | None = None,
        configuration_id: str | None = None,
        locale: str | None = None,
    ) -> PortalSession:
        """One visit to the portal, opened on ``flow`` or, without one, on its home page."""
        params: dict[str, Any] = {"customer": customer_id, "return_url": return_url}
        if flow is not None:
            params["flow_data"] = flow_data(flow)
        if configuration_id is not None:
            params["configuration"] = configuration_id
        if locale is not None:
            params["locale"] = locale
        session = asked(
            lambda: self._client.v1.billing_portal.sessions.create(
                cast("Any", params), {"idempotency_key": idempotency_key}
            )
        )
        return PortalSession(session.id, session.url)

    def create_checkout_session(
        self,
        *,
        customer_id: str,
        price_id: str,
        quantity: int,
        org_id: str,
        org_id_metadata_key: str,
        success_url: str,
        cancel_url: str,
        idempotency_key: str,
        locale: str | None = None,
    ) -> CheckoutSession:
        """One visit to Checkout that starts a subscription for an org that Stripe can name."""
        metadata = {org_id_metadata_key: org_id}
        params: dict[str, Any] = {
            "mode": "subscription",
            "customer": customer_id,
            "line_items": [{"price": price_id, "quantity": quantity}],
            "client_reference_id": org_id,
            "metadata": metadata,
            "subscription_data": {"metadata": metadata},
            "success_url": success_url,
            "cancel_url": cancel_url,
        }
        if locale is not None:
            params["locale"] = locale
        session = asked(
            lambda: self._client.v1.checkout.sessions.create(
                cast("Any", params), {"idempotency_key": idempotency_key}
            )
        )
        if session.url is None:
            raise refusal_for(Fault(status=400))
        return CheckoutSession(session.id, session.url)

    def create_customer(
        self,
        *,
        org_id: str,
        org_id_metadata_key: str,
        name: str | None,
        email: str | None,
        idempotency_key: str,
    ) -> str:
        """A new customer that carries its org's id; returns the customer's id."""
        params: dict[str, Any] = {"metadata": {org_id_metadata_key: org_id}}
        if name:
            params["name"] = name
        if email:
            params["email"] = email
        customer = asked(
            lambda: self._client.v1.customers.create(
                cast("Any", params), {"idempotency_key": idempotency_key}
            )
        )
        return customer.id

    def find_price(self, lookup_key: str) -> PriceFacts | None:
        """The active price that has this lookup key now, or None."""
        _, listed = self._get(
            "/v1/prices", {"lookup_keys": [lookup_key], "active": "true", "limit": 1}
        )
        found = listed.get("data")
        return shapes.price_facts(found[0]) if found else None

    def applied_portal_configurations(self, mark: str) -> dict[str, str]:
        """The active portal configurations by their metadata ``mark``; of several, the oldest."""
        listed = self._pages("/v1/billing_portal/configurations", {"active": "true"})
        marked = ((each["metadata"].get(mark), str(each["id"])) for _, each in listed)
        return {name: configuration_id for name, configuration_id in marked if name}

    def list_events(
        self,
        *,
        created_gte: datetime,
        created_lt: datetime | None = None,
        types: tuple[str, ...] = (),
        delivery_success: bool | None = None,
    ) -> Iterator[RawEvent]:
        """Stripe's events since ``created_gte``, newest first, a page at a time as they are taken.

        Stripe keeps thirty days and takes up to twenty ``types``. The list is eventually
        consistent: ask again later with an overlap.
        """
        created = {"gte": int(created_gte.timestamp())}
        if created_lt is not None:
            created["lt"] = int(created_lt.timestamp())
        params: dict[str, Any] = {"created": created}
        if types:
            params["types"] = list(types)
        if delivery_success is not None:
            params["delivery_success"] = "true" if delivery_success else "false"
        for _, event in self._pages("/v1/events", params):
            yield RawEvent(
                event_id=str(event["id"]),
                type=str(event["type"]),
                created=datetime.fromtimestamp(event["created"], UTC),
                body=orjson.dumps(event),
            )

    def fetch_subscription(self, subscription_id: str) -> FetchedObject:
        """A subscription as it is now. Raises BillingError ``no_subscription`` for an unknown one."""
        return self._fetch("subscriptions", subscription_id)

    def fetch_customer(self, customer_id: str) -> FetchedObject:
        """A customer as it is now. Raises BillingError ``no_customer`` for an unknown one."""
        return self._fetch("customers", customer_id)

    def fetch_price(self, price_id: str) -> FetchedObject:
        """A price as it is now."""
        return self._fetch("prices", price_id)

    def fetch_product(self, product_id: str) -> FetchedObject:
        """A product as it is now."""
        return self._fetch("products", product_id)

    def list_customers(self, *, starting_after: str | None = None) -> Iterator[FetchedObject]:
        """Every customer, newest first, from the one after ``starting_after`` on."""
        yield from self._objects("/v1/customers", {}, starting_after)

    def list_subscriptions(
        self, *, starting_after: str | None = None, customer_id: str | None = None
    ) -> Iterator[FetchedObject]:
        """Every subscription, ended ones too, newest first, from after ``starting_after`` on."""
        params: dict[str, Any] = {"status": "all"}
        if customer_id is not None:
            params["customer"] = customer_id
        yield from self._objects("/v1/subscriptions", params, starting_after)

    def list_webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """The account's webhook endpoints, of which Stripe allows a few. One read for most."""
        return tuple(
            shapes.webhook_endpoint(found) for _, found in self._pages("/v1/webhook_endpoints", {})
        )

    def _fetch(self, kind: str, object_id: str) -> FetchedObject:
        at, found = self._get(f"/v1/{kind}/{quote(object_id, safe='')}", {})
        return FetchedObject(object_id, orjson.dumps(found), at)

    def _objects(
        self, path: str, params: dict[str, Any], starting_after: str | None
    ) -> Iterator[FetchedObject]:
        for at, found in self._pages(path, params, starting_after):
            yield FetchedObject(str(found["id"]), orjson.dumps(found), at)

    def _pages(
        self, path: str, params: dict[str, Any], starting_after: str | None = None
    ) -> Iterator[tuple[datetime, dict[str, Any]]]:
        while True:
            asked = {**params, "limit": PAGE}
            if starting_after is not None:
                asked["starting_after"] = starting_after
            at, listed = self._get(path, asked)
            found = listed["data"]
            for each in found:
                yield at, each
            if not listed.get("has_more") or not found:
                return
            starting_after = str(found[-1]["id"])

    def _get(self, path: str, params: dict[str, Any]) -> tuple[datetime, dict[str, Any]]:
        if self._ration is not None and not self._ration.take():
            raise BillingError(
                BillingErrorCode.RATE_LIMITED,
                "This month's ration of reads from Stripe is used up for now. Nothing is lost: what"
                " was to be read is read later.",
            )
        answer = asked(lambda: self._client.raw_request("get", path, **params))
        found: dict[str, Any] = orjson.loads(answer.body)
        return stripes_time(answer.headers), found

    def _post(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make or change something; a request that has to be repeated is not done twice."""
        answer = asked(lambda: self._client.raw_request("post", path, **params))
        done: dict[str, Any] = orjson.loads(answer.body)
        return done


@lru_cache(maxsize=1)
def stripe_gateway() -> StripeGateway:
    """The process's gateway, from the settings. Raises SettingsError."""
    chosen = settings()
    return StripeGateway(chosen.stripe_key(), api_base=chosen.stripe_api_base)
