"""The customer portal's routes, its home page and the end of a flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import billing, cards
from sandbox.account import Account
from sandbox.errors import Refusal
from sandbox.pages import details, leaving, switching
from sandbox.pages.rendering import dead_end, go_to, page
from sandbox.pages.visit import Visit, VisitOverError, enter
from sandbox.portal import rules
from sandbox.shapes import Json

_EXPIRED = (
    "This link has expired",
    (
        "For your security, links to your billing page work for a short time only. Go back to the"
        " page that brought you here and ask for a new one. Nothing about your plan was changed."
    ),
)
_UPDATE_FLOWS = frozenset({"subscription_update", "subscription_update_confirm"})


Handler = Callable[[Visit, str, dict[str, str]], Response]


@dataclass
class Portal:
    """The pages below `/p/session/{token}`; `changed` is called after a customer did something."""

    account: Account
    changed: Callable[[], None]

    def routes(self) -> list[Route]:
        """All routes of the portal, each with the flows to which it belongs."""
        on = "/{subscription_id}"
        cancel = frozenset({"subscription_cancel"})
        pause = frozenset({"subscription_pause"})
        card = frozenset({"payment_method_update"})
        customer = frozenset({"customer_update"})
        nowhere: frozenset[str] = frozenset()
        return [
            self._route("", home, "GET", None),
            self._route("/done", done, "GET", None),
            self._route(f"/cancel{on}", leaving.show_cancel, "GET", cancel),
            self._route(f"/cancel{on}", leaving.cancel, "POST", cancel),
            self._route(f"/offer{on}", leaving.accept_offer, "POST", cancel),
            self._route(f"/survey{on}", leaving.show_survey, "GET", cancel),
            self._route(f"/survey{on}", leaving.submit_survey, "POST", cancel),
            self._route(f"/keep{on}", leaving.keep, "POST", nowhere),
            self._route(f"/pause{on}", leaving.show_pause, "GET", pause),
            self._route(f"/pause{on}", leaving.pause, "POST", pause),
            self._route(f"/resume{on}", leaving.resume, "POST", nowhere),
            self._route(f"/switch{on}", switching.show_prices, "GET", _UPDATE_FLOWS),
            self._route(f"/confirm{on}", switching.show_confirm, "GET", _UPDATE_FLOWS),
            self._route(f"/confirm{on}", switching.confirm, "POST", _UPDATE_FLOWS),
            self._route("/card", details.show_card, "GET", card),
            self._route("/card", details.save_card, "POST", card),
            self._route("/details", details.show, "GET", customer),
            self._route("/details", details.save, "POST", customer),
        ]

    def _route(
        self, path: str, handler: Handler, method: str, flows: frozenset[str] | None
    ) -> Route:
        async def respond(request: Request) -> Response:
            values = dict(request.query_params)
            if method == "POST":
                form = await request.form()
                values = {name: text for name, text in form.items() if isinstance(text, str)}
            response = self._respond(request, handler, flows, values)
            self.changed()
            return response

        return Route(f"/p/session/{{token}}{path}", respond, methods=[method])

    def _respond(
        self,
        request: Request,
        handler: Handler,
        flows: frozenset[str] | None,
        values: dict[str, str],
    ) -> Response:
        account = self.account
        try:
            with account.store.transaction():
                visit = enter(account, request.path_params["token"])
        except VisitOverError:
            return dead_end(account.business_name, *_EXPIRED, 410)
        flow = visit.flow
        if flow is not None and flows is not None and flow["type"] not in flows:
            return go_to(visit.url())
        try:
            with account.store.transaction():
                return handler(visit, request.path_params.get("subscription_id", ""), values)
        except Refusal as refusal:
            return page(
                "refused.html",
                refusal.status,
                business=account.business_name,
                visit=visit,
                text=refusal.message,
            )


def home(visit: Visit, _subscription_id: str, _values: dict[str, str]) -> Response:
    """The portal's home, or straight into the flow that the session is for."""
    flow = visit.flow
    if flow is not None:
        return go_to(visit.url(*_start_of(flow)))
    account = visit.account
    living = [each for each in visit.subscriptions() if each["status"] not in billing.FINAL]
    invoices = account.store.all("invoice", {"customer": visit.customer["id"]})
    return page(
        "home.html",
        business=account.business_name,
        visit=visit,
        plans=[_plan(visit, each) for each in living],
        card=cards.default_of(account, visit.customer),
        invoices=[each for each in reversed(invoices) if each["status"] != "draft"],
    )


def _start_of(flow: Json) -> tuple[str, ...]:
    kind = flow["type"]
    if kind == "payment_method_update":
        return ("card",)
    if kind == "customer_update":
        return ("details",)
    start = {
        "subscription_cancel": "cancel",
        "subscription_pause": "pause",
        "subscription_update": "switch",
        "subscription_update_confirm": "confirm",
    }
    return (start[kind], flow[kind]["subscription"])


def _plan(visit: Visit, subscription: Json) -> Json:
    """What the home page shows of one subscription, and which buttons it has."""
    canceling = billing.is_canceling(subscription)
    paused = subscription["status"] == "paused"
    return {
        "subscription": subscription,
        "items": [_item(visit.account, each) for each in billing.items_of(subscription)],
        "canceling": canceling,
        "ends": subscription["cancel_at"] or billing.last_period_end(subscription),
        "renews": billing.first_period_end(subscription),
        "can_update": not canceling and _allowed(rules.check_update, visit, subscription),
        "can_cancel": not paused and _allowed(rules.check_cancel, visit, subscription),
        "can_keep": canceling and visit.feature("subscription_cancel")["enabled"],
        "can_pause": not canceling and _allowed(rules.check_pause, visit, subscription),
        "can_resume": paused and visit.feature("subscription_pause")["enabled"],
    }


def _item(account: Account, item: Json) -> Json:
    product = account.store.find(item["price"]["product"])
    return {
        "name": product["name"] if product else "Plan",
        "price": item["price"],
        "quantity": item["quantity"],
    }


def _allowed(check: Callable[[Json, Json], None], visit: Visit, subscription: Json) -> bool:
    try:
        check(visit.configuration, subscription)
    except Refusal:
        return False
    return True


def done(visit: Visit, _subscription_id: str, _values: dict[str, str]) -> Response:
    """The confirmation that a flow ends with when the session asked for one."""
    flow = visit.session["flow"]
    if flow is None or not visit.session.get("_done"):
        return go_to(visit.url())
    confirmation = flow["after_completion"]["hosted_confirmation"] or {}
    return page(
        "done.html",
        business=visit.account.business_name,
        visit=visit,
        text=confirmation.get("custom_message") or "Your changes have been saved.",
    )
