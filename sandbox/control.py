"""Steers a running sandbox from outside: its clock, its webhooks, its faults.

Tests and the command line use this; it speaks JSON to `/_sandbox/…`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import httpx


class SandboxError(Exception):
    """The sandbox is not reachable or did not do what was asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How many webhook deliveries are in which state."""

    pending: int = 0
    delivered: int = 0
    failed: int = 0
    dropped: int = 0


class SandboxControl:
    """A client of the sandbox's control API at `base_url`; every method raises `SandboxError`."""

    def __init__(self, base_url: str, *, timeout_seconds: float = 120.0) -> None:
        self._base_url = base_url.rstrip("/")
        self._client = httpx.Client(timeout=timeout_seconds, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def now(self) -> int:
        """The sandbox's clock, unix seconds (UTC)."""
        return int(self._get("clock")["now"])

    def advance(self, *, seconds: int = 0, days: float = 0) -> int:
        """Move the clock forward through everything that becomes due. Returns the new time."""
        moved = self._post("clock", {"seconds": seconds + round(days * 86_400)})
        return int(moved["now"])

    def advance_to(self, moment: int | datetime) -> int:
        """Move the clock to a moment (aware datetime or unix seconds). Returns the new time."""
        seconds = int(moment.timestamp()) if isinstance(moment, datetime) else moment
        return int(self._post("clock", {"to": seconds})["now"])

    def advance_past(self, subscription_id: str) -> int:
        """Move the clock two hours past the subscription's next period end or cancellation.

        By then a renewal's invoice, a draft for an hour, was collected. Returns the new time.
        """
        return int(self._post("clock", {"past": subscription_id})["now"])

    def deliveries(self) -> Deliveries:
        """How many deliveries are pending, delivered, failed for good and dropped on request."""
        return Deliveries(**self._get("deliveries"))

    def wait_until_delivered(self, *, timeout_seconds: float = 60.0) -> Deliveries:
        """Return once nothing is pending; raises `SandboxError` when that takes too long."""
        return Deliveries(**self._post("deliveries/wait", {"timeout_seconds": timeout_seconds}))

    def order_deliveries(
        self,
        *,
        hold: bool | None = None,
        shuffle: bool | None = None,
        duplicates: int | None = None,
        drop_next: int | None = None,
    ) -> None:
        """Change how webhooks are delivered from now on; what is None stays as it is.

        `hold` keeps everything back until it is false again, `shuffle` sends in random order,
        `duplicates` posts every event so many times more, `drop_next` loses the next events for
        good.
        """
        orders = {
            "hold": hold,
            "shuffle": shuffle,
            "duplicates": duplicates,
            "drop_next": drop_next,
        }
        self._post("deliveries/orders", {k: v for k, v in orders.items() if v is not None})

    def resend(self, event_id: str) -> None:
        """Deliver an event once more to every endpoint, whatever became of it before."""
        self._post(f"events/{event_id}/resend", {})

    def set_endpoint(
        self,
        *,
        url: str | None = None,
        secrets: list[str] | None = None,
        api_version: str | None = None,
        enabled_events: list[str] | None = None,
    ) -> None:
        """Change the sandbox's own endpoint; all `secrets` sign, as while rolling one.

        The version becomes the account's default too, so listed events have it.
        """
        endpoint = {
            "url": url,
            "secrets": secrets,
            "api_version": api_version,
            "enabled_events": enabled_events,
        }
        self._post("endpoint", {k: v for k, v in endpoint.items() if v is not None})

    def fail_next(
        self,
        count: int = 1,
        *,
        status: int = 500,
        error_type: str = "api_error",
        message: str | None = None,
        code: str | None = None,
        path: str = "/v1/",
        method: str | None = None,
        after_effect: bool = False,
        seconds: float = 0.0,
    ) -> None:
        """Let the next `count` API calls below `path` fail with `status`.

        `after_effect` does what was asked before failing; `seconds` waits first, and with status 0
        the call is only slow.
        """
        fault = {
            "count": count,
            "status": status,
            "type": error_type,
            "message": message,
            "code": code,
            "path": path,
            "method": method,
            "after_effect": after_effect,
            "seconds": seconds,
        }
        self._post("faults", {k: v for k, v in fault.items() if v is not None})

    def clear_faults(self) -> None:
        """Let nothing fail any more."""
        self._call("DELETE", "faults", None)

    def set_card(self, customer_id: str, *, declines: bool) -> None:
        """Make the customer's default card be declined, or work again."""
        self._post("cards", {"customer": customer_id, "declines": declines})

    def after_failed_payments(self, outcome: str) -> None:
        """What happens when the last retry fails: `cancel` (the default) or `mark_unpaid`."""
        self._post("settings", {"after_failed_payments": outcome})

    def save_default_configuration(self, configuration_id: str | None = None) -> str:
        """Do what saving the portal settings in the Dashboard does. Returns the default's id.

        Without an id, one with every feature on that offers all active prices with a lookup key.
        """
        asked = {"configuration": configuration_id} if configuration_id else {}
        return str(self._post("default-configuration", asked)["configuration"])

    def seed(self) -> bool:
        """Fill the sandbox with the sample company. Returns False if it was there already."""
        return bool(self._post("seed", {})["seeded"])

    def _get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path, None)

    def _post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: Mapping[str, object] | None) -> dict[str, Any]:
        try:
            response = self._client.request(method, f"{self._base_url}/_sandbox/{path}", json=body)
        except httpx.HTTPError as error:
            raise SandboxError(
                f"The sandbox at {self._base_url} does not answer. Start it with"
                " `billing-sandbox serve`, or set SANDBOX_PORT to its port."
            ) from error
        answer = cast("dict[str, Any]", response.json())
        if response.is_error:
            raise SandboxError(answer["error"]["message"])
        return answer
