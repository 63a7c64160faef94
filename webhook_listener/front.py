"""What stands before the routes: deliveries go to their endpoint by the shortest way."""

from starlette.types import ASGIApp, Receive, Scope, Send

WEBHOOK_PATH = "/webhooks/stripe"


class Front:
    """Hands each delivery to ``webhooks`` and everything else to ``routes``.

    Under load the routes' middleware would cost a delivery as much as its verification does.
    ``routes`` knows the webhook's path too, and refuses other methods there.
    """

    def __init__(self, webhooks: ASGIApp, routes: ASGIApp) -> None:
        self._webhooks = webhooks
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "http" and scope["path"] == WEBHOOK_PATH and scope["method"] == "POST":
            await self._webhooks(scope, receive, send)
        else:
            await self._routes(scope, receive, send)
