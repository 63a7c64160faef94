"""``POST /webhooks/stripe``: from bytes to a stored event, and an answer that can be trusted.

2xx means that the event is on disk. Whatever cannot be stored now is answered 503, so that Stripe
sends it again; whatever can never be stored is answered 4xx, with a sentence.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
import structlog
from starlette.types import Receive, Scope, Send

from billing_core.errors import SignatureError, UnreadableShapeError
from billing_core.stripe_gateway.envelope import read_envelope
from billing_core.stripe_gateway.redaction import blank_links, redact
from billing_core.stripe_gateway.signature import verify_signature
from webhook_listener.body import (
    BodyTooLargeError,
    ClientGoneError,
    Room,
    accept,
    answer,
    header,
    read_body,
    refuse_large,
)
from webhook_listener.errors import NotStoredError, OverloadedError
from webhook_listener.inbox import Audience, Delivery
from webhook_listener.metrics import Metrics
from webhook_listener.writer import Writer

MAX_BODY_BYTES = 1024 * 1024
_LONG_BODIES = 64
_RETRY = ((b"retry-after", b"5"),)
_log = structlog.get_logger("webhook_listener.receive")


class RejectedError(Exception):
    """A delivery that can never be stored; ``reason`` is for the metrics."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class WebhookEndpoint:
    """The ASGI application behind the webhook's path."""

    def __init__(
        self, secrets: Sequence[str], audience: Audience, writer: Writer, metrics: Metrics
    ) -> None:
        self._secrets = secrets
        self._audience = audience
        self._writer = writer
        self._metrics = metrics
        self._room = Room(_LONG_BODIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read, check, store, answer."""
        started = time.perf_counter()
        try:
            body = await read_body(scope, receive, limit=MAX_BODY_BYTES, room=self._room)
            now = time.time()
            self._verify(body, header(scope, b"stripe-signature"), now)
            await self._writer.submit(read_delivery(body, self._audience, now=now))
        except BodyTooLargeError:
            self._metrics.rejected.labels("too_large").inc()
            sentence = "The body is larger than 1 MiB, so it is no event. Nothing was stored."
            await refuse_large(receive, send, sentence)
        except ClientGoneError:
            self._metrics.rejected.labels("incomplete").inc()
            await answer(send, 408, "The body did not arrive in time. Nothing was stored.")
        except RejectedError as error:
            self._metrics.rejected.labels(error.reason).inc()
            _log.warning("webhook.rejected", reason=error.reason)
            await answer(send, 400, str(error))
        except (OverloadedError, NotStoredError) as error:
            overloaded = isinstance(error, OverloadedError)
            self._metrics.rejected.labels("overloaded" if overloaded else "not_stored").inc()
            await answer(send, 503, str(error), headers=_RETRY)
        else:
            self._metrics.acknowledge_seconds.observe(time.perf_counter() - started)
            await accept(send)

    def _verify(self, body: bytes, signature: bytes | None, now: float) -> None:
        try:
            verify_signature(body, signature, self._secrets, now=now)
        except SignatureError as error:
            raise RejectedError("signature", str(error)) from None


def read_delivery(body: bytes, audience: Audience, *, now: float) -> Delivery:
    """A verified body as a delivery with its payload redacted. ``now`` is in epoch seconds.

    Raises RejectedError with a sentence for the caller.
    """
    body = blank_links(body)
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        sentence = "The body is not JSON in UTF-8. Nothing was stored."
        raise RejectedError("not_json", sentence) from None
    try:
        event = read_envelope(payload)
    except UnreadableShapeError as error:
        sentence = f"This is not a Stripe event: {error}. Nothing was stored."
        raise RejectedError("not_an_event", sentence) from None
    return Delivery(
        event=event,
        body=redact(body, payload),
        received_at=datetime.fromtimestamp(now, UTC),
        ignored_because=audience.reason_to_ignore(livemode=event.livemode, account=event.account),
    )
