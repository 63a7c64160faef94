"""Webhook endpoints: where events go, in which version, signed with which secret."""

from __future__ import annotations

from sandbox.account import Account
from sandbox.params import Params
from sandbox.resources.common import Call, Route, listing
from sandbox.shapes import Json, copy_of

# The session's own event carries a live portal address, so nobody gets it unasked.
DEFAULT_EVENTS = [
    "billing_portal.configuration.created",
    "billing_portal.configuration.updated",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "coupon.created",
    "customer.created",
    "customer.deleted",
    "customer.discount.created",
    "customer.discount.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.pending_update_applied",
    "customer.subscription.pending_update_expired",
    "customer.subscription.resumed",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.marked_uncollectible",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_succeeded",
    "invoice.voided",
    "payment_method.attached",
    "payment_method.detached",
    "price.created",
    "price.deleted",
    "price.updated",
    "product.created",
    "product.deleted",
    "product.updated",
    "subscription_schedule.created",
    "subscription_schedule.released",
]


def new(account: Account, url: str, secret: str, version: str, events: list[str]) -> Json:
    """A new endpoint, not yet saved."""
    return {
        "id": account.ids.new("we"),
        "object": "webhook_endpoint",
        "api_version": version,
        "application": None,
        "created": account.now,
        "description": None,
        "enabled_events": events,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_secrets": [secret],
    }


def create(account: Account, call: Call) -> Json:
    """`POST /v1/webhook_endpoints`; the answer alone shows the secret."""
    params = call.params
    url = params.url("url", required=True) or ""
    events = params.texts("enabled_events")
    version = params.text("api_version") or account.api_version
    secret = f"whsec_{account.ids.letters(32)}"
    endpoint = _applied(params, new(account, url, secret, version, events))
    params.finish()
    account.save(endpoint)
    return {**endpoint, "secret": secret}


def retrieve(account: Account, call: Call) -> Json:
    """`GET /v1/webhook_endpoints/{id}`."""
    call.params.finish()
    return account.store.get("webhook_endpoint", call.ids["id"])


def update(account: Account, call: Call) -> Json:
    """`POST /v1/webhook_endpoints/{id}`; the version stays as it was created."""
    params = call.params
    endpoint = copy_of(account.store.get("webhook_endpoint", call.ids["id"]))
    endpoint["url"] = params.url("url") or endpoint["url"]
    endpoint["enabled_events"] = params.texts("enabled_events") or endpoint["enabled_events"]
    disabled = params.boolean("disabled")
    if disabled is not None:
        endpoint["status"] = "disabled" if disabled else "enabled"
    endpoint = _applied(params, endpoint)
    params.finish()
    account.save(endpoint)
    return endpoint


def delete(account: Account, call: Call) -> Json:
    """`DELETE /v1/webhook_endpoints/{id}`: what was not delivered there no longer is."""
    call.params.finish()
    endpoint = account.store.get("webhook_endpoint", call.ids["id"])
    account.store.remove(endpoint["id"])
    account.store.connection.execute(
        "UPDATE deliveries SET state = 'dropped' WHERE endpoint_id = ? AND state = 'pending'",
        (endpoint["id"],),
    )
    account.forget_endpoints()
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def list_all(account: Account, call: Call) -> Json:
    """`GET /v1/webhook_endpoints`."""
    return listing(account, call, "webhook_endpoint")


def _applied(params: Params, endpoint: Json) -> Json:
    if params.has("description"):
        endpoint["description"] = params.text("description")
    endpoint["metadata"] = params.metadata(endpoint["metadata"])
    return endpoint


ROUTES = [
    Route("POST", "/v1/webhook_endpoints", create),
    Route("GET", "/v1/webhook_endpoints", list_all),
    Route("GET", "/v1/webhook_endpoints/{id}", retrieve),
    Route("POST", "/v1/webhook_endpoints/{id}", update),
    Route("DELETE", "/v1/webhook_endpoints/{id}", delete),
]
