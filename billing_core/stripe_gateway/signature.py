"""Verification of ``Stripe-Signature``, on the raw bytes.

The scheme is Stripe's own (https://docs.stripe.com/webhooks/signature): HMAC-SHA256 over
``"{t}.{body}"``, any ``v1`` may match, so that secrets can be rolled. Unlike Stripe's client this
also refuses timestamps from the future and header bytes that are not ASCII, with a sentence.
"""

import hmac
from collections.abc import Sequence

from billing_core.errors import SignatureError

TOLERANCE_SECONDS = 300


def verify_signature(
    body: bytes, header: bytes | None, secrets: Sequence[str], *, now: float
) -> None:
    """Check that ``body`` was signed with one of ``secrets`` within five minutes of ``now``.

    ``now`` is in seconds since the epoch. Raises SignatureError with a sentence for the caller.
    """
    if not header:
        raise SignatureError("The Stripe-Signature header is missing. Nothing was stored.")
    timestamp, signatures = _parse(header)
    signed = b"%d." % timestamp + body
    matches = False
    for secret in secrets:
        digest = hmac.digest(secret.encode(), signed, "sha256")
        expected = digest.hex().encode()
        for signature in signatures:
            matches |= hmac.compare_digest(expected, signature)
    if not matches:
        raise SignatureError(
            "The signature does not match the body: check STRIPE_WEBHOOK_SECRET."
            " Nothing was stored."
        )
    if timestamp < now - TOLERANCE_SECONDS:
        raise SignatureError("The signature's timestamp is too old. Nothing was stored.")
    if timestamp > now + TOLERANCE_SECONDS:
        raise SignatureError("The signature's timestamp is in the future. Nothing was stored.")


def _parse(header: bytes) -> tuple[int, list[bytes]]:
    timestamp: int | None = None
    signatures: list[bytes] = []
    for part in header.split(b","):
        name, _, value = part.strip().partition(b"=")
        if name == b"t" and value.isdigit() and len(value) <= 12:
            timestamp = int(value)
        elif name == b"v1":
            signatures.append(value)
    if timestamp is None or not signatures:
        raise SignatureError("The Stripe-Signature header cannot be read. Nothing was stored.")
    return timestamp, signatures
