"""What the console asks the listener to record; without its answer nothing is minted."""

from functools import lru_cache

import httpx
import streamlit as st
from pydantic import ValidationError

from billing_core.commands import (
    AuditRecorded,
    BeginAudit,
    CompleteAudit,
    DeniedAudit,
    sign_command,
)
from billing_core.errors import BillingError, BillingErrorCode
from billing_core.settings import settings
from console.identity import Principal

_AUDIT = "/commands/audit"
_TIMEOUT = httpx.Timeout(5.0, connect=2.0)


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False)


def record(principal: Principal, command: BeginAudit | CompleteAudit | DeniedAudit) -> int:
    """Have the listener record ``command`` in this person's name, and answer the entry's id.

    Raises BillingError ``not_recorded`` with a sentence when it could not be recorded.
    """
    body = command.model_dump_json(exclude_none=True).encode()
    token = sign_command(
        settings().command_key(),
        username=principal.username,
        roles=principal.roles,
        path=_AUDIT,
        body=body,
    )
    try:
        answer = _client().post(
            f"{settings().listener_url}{_AUDIT}",
            content=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
    except httpx.HTTPError:
        raise _not_recorded(
            "The listener cannot be reached, so this could not be recorded. No link was made and"
            " nothing was changed. Try again once the listener runs."
        ) from None
    if answer.status_code != httpx.codes.CREATED:
        raise _not_recorded(_sentence(answer))
    try:
        return AuditRecorded.model_validate_json(answer.content).audit_id
    except ValidationError:
        raise _not_recorded(
            "The listener's answer could not be read, so no link was made. Check that LISTENER_URL"
            " names the listener, and that both are of the same version."
        ) from None


@st.cache_data(ttl=5, show_spinner=False, refresh_mode="background")
def listener_answers() -> bool:
    """Whether the listener says that it can store what Stripe sends and what staff do."""
    try:
        answer = _client().get(f"{settings().listener_url}/readyz", timeout=1.0)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK


def _sentence(answer: httpx.Response) -> str:
    try:
        sentence = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        sentence = f"The listener answered {answer.status_code}."
    return f"{sentence} No link was made."


def _not_recorded(sentence: str) -> BillingError:
    return BillingError(BillingErrorCode.NOT_RECORDED, sentence)
