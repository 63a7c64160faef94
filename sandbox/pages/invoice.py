"""Hosted invoices: to read, and to pay while they are open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import subscriptions
from sandbox.account import Account
from sandbox.pages.rendering import dead_end, go_to, page
from sandbox.shapes import Json


@dataclass
class InvoicePages:
    """The pages below `/i/{token}`; `changed` is called after a payment."""

    account: Account
    changed: Callable[[], None]

    def routes(self) -> list[Route]:
        """The invoice and its payment."""
        return [
            Route("/i/{token}", self._show, methods=["GET"]),
            Route("/i/{token}", self._pay, methods=["POST"]),
        ]

    def _invoice(self, request: Request) -> Json | None:
        invoice = self.account.store.by_token(request.path_params["token"])
        return invoice if invoice is not None and invoice["object"] == "invoice" else None

    async def _show(self, request: Request) -> Response:
        invoice = self._invoice(request)
        if invoice is None:
            return self._unknown()
        return self._page(invoice, declined=False)

    async def _pay(self, request: Request) -> Response:
        invoice = self._invoice(request)
        if invoice is None:
            return self._unknown()
        if invoice["status"] != "open":
            return go_to(str(request.url.path))
        with self.account.store.transaction():
            paid = subscriptions.collect(self.account, invoice)
        self.changed()
        if paid:
            return go_to(str(request.url.path))
        return self._page(self.account.store.get("invoice", invoice["id"]), declined=True)

    def _page(self, invoice: Json, *, declined: bool) -> Response:
        return page(
            "invoice.html",
            402 if declined else 200,
            business=self.account.business_name,
            invoice=invoice,
            declined=declined,
        )

    def _unknown(self) -> Response:
        return dead_end(
            self.account.business_name,
            "There is no such invoice",
            "Check that you copied the whole address.",
            404,
        )
