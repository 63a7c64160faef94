"""What the console asks the listener to record; without its answer nothing is minted."""

from functools import lru_cache
from typing import TypeVar

import httpx
import streamlit as st
from pydantic import BaseModel, ValidationError

from billing_core.commands import (
    AuditRecorded,
    BeginAudit,
    CompleteAudit,
    CreateLink,
    DeniedAudit,
    EventsRecorded,
    ExtendLink,
    IgnoreEvents,
    LinkChanged,
    LinkCreated,
    ReconcileNow,
    ReplayEvents,
    ReplayParked,
    RevokeLink,
    UserChange,
    sign_command,
)
from billing_core.errors import BillingError, BillingErrorCode
from billing_core.settings import settings
from console.identity import Principal

_AUDIT = "/commands/audit"
_LINKS = "/commands/links"
_EVENTS = "/commands/events"
_Answer = TypeVar("_Answer", bound=BaseModel)
_TIMEOUT = httpx.Timeout(5.0, connect=2.0)


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False)


def record(
    principal: Principal,
    command: BeginAudit | CompleteAudit | DeniedAudit | UserChange,
    *,
    spared: str = "No link was made",
) -> int:
    """Have the listener record ``command`` in this person's name, and answer the entry's id.

    Raises BillingError ``not_recorded`` with a sentence, which ends with what was ``spared``, when
    it could not be recorded.
    """
    answer = _ask(principal, _AUDIT, command, spared=spared)
    return _read(AuditRecorded, answer, spared=spared[0].lower() + spared[1:]).audit_id


def create_link(principal: Principal, command: CreateLink) -> LinkCreated:
    """Have the listener make a support link; the answer is the only place where its URL is.

    Raises BillingError ``not_recorded`` with a sentence; there is no link then.
    """
    answer = _ask(principal, _LINKS, command, spared="No link was made")
    return _read(LinkCreated, answer, spared="take back the link if the list shows one")


def ask_about_events(
    principal: Principal, command: ReplayEvents | ReplayParked | IgnoreEvents | ReconcileNow
) -> EventsRecorded:
    """Have the listener replay or ignore events, or reconcile; what comes of it is read later.

    Raises BillingError ``not_recorded`` with a sentence; nothing was changed then.
    """
    answer = _ask(principal, _EVENTS, command, spared="Nothing was changed")
    return _read(EventsRecorded, answer, spared="look at the list before you ask again")


def change_link(principal: Principal, command: RevokeLink | ExtendLink) -> LinkChanged:
    """Have the listener stop a support link, or let it work longer.

    Raises BillingError ``not_recorded`` with a sentence; the link is then as it was.
    """
    answer = _ask(principal, _LINKS, command, spared="Nothing was changed")
    return _read(LinkChanged, answer, spared="look at the link again to see how it stands")


def _ask(principal: Principal, path: str, command: BaseModel, *, spared: str) -> httpx.Response:
    body = command.model_dump_json(exclude_none=True).encode()
    token = sign_command(
        settings().command_key(),
        username=principal.username,
        roles=principal.roles,
        path=path,
        body=body,
    )
    try:
        answer = _client().post(
            f"{settings().listener_url}{path}",
            content=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
    except httpx.HTTPError:
        raise _not_recorded(
            f"The listener cannot be reached, so this could not be recorded. {spared}."
            " Try again once the listener runs."
        ) from None
    if answer.status_code != httpx.codes.CREATED:
        raise _not_recorded(_sentence(answer, f"{spared}."))
    return answer


def _read(shape: type[_Answer], answer: httpx.Response, *, spared: str) -> _Answer:
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError:
        raise _not_recorded(
            f"The listener's answer could not be read: {spared}. Check that LISTENER_URL"
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


def _sentence(answer: httpx.Response, spared: str) -> str:
    try:
        sentence = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        sentence = f"The listener answered {answer.status_code}."
    told = any(each in sentence for each in (spared, "Nothing was", "No link was"))
    return sentence if told else f"{sentence} {spared}"


def _not_recorded(sentence: str) -> BillingError:
    return BillingError(BillingErrorCode.NOT_RECORDED, sentence)
