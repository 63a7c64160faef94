"""Stripe's refusals: one exception that knows the status and the JSON that Stripe would send."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.shapes import Json


@dataclass
class Refusal(Exception):  # noqa: N818 - an answer of Stripe's, not a fault
    """What Stripe answers instead of doing what was asked (https://docs.stripe.com/api/errors).

    `keeps_effects` tells that what was done until then stays, such as a declined card's attempt.
    """

    message: str
    status: int = 400
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    decline_code: str | None = None
    keeps_effects: bool = False

    def body(self, request_id: str) -> Json:
        """The error document, with only the fields that apply."""
        fields = {
            "code": self.code,
            "decline_code": self.decline_code,
            "message": self.message,
            "param": self.param,
            "type": self.type,
        }
        error = {name: value for name, value in fields.items() if value is not None}
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": error}


def unknown_parameters(names: list[str]) -> Refusal:
    """The refusal of parameters that the endpoint does not know."""
    plural = "s" if len(names) > 1 else ""
    listed = ", ".join(names)
    return Refusal(
        f"Received unknown parameter{plural}: {listed}", code="parameter_unknown", param=names[0]
    )


def missing_parameter(name: str) -> Refusal:
    """The refusal of a request without a parameter that is needed."""
    return Refusal(f"Missing required param: {name}.", code="parameter_missing", param=name)


def no_such(kind: str, object_id: str, param: str | None = None) -> Refusal:
    """The refusal of an id that names nothing: 404 in the path, 400 in a parameter."""
    return Refusal(
        f"No such {kind}: '{object_id}'",
        status=404 if param in {None, "id"} else 400,
        code="resource_missing",
        param=param or "id",
    )


def invalid(name: str, message: str, code: str | None = None) -> Refusal:
    """The refusal of one parameter's value."""
    return Refusal(message, code=code, param=name)


def card_declined(*, kept: bool = False) -> Refusal:
    """The refusal of a payment by the customer's bank; `kept` if the attempt is on record."""
    return Refusal(
        "Your card was declined.",
        status=402,
        type="card_error",
        code="card_declined",
        decline_code="generic_decline",
        keeps_effects=kept,
    )
