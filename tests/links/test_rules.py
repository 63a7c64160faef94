"""Tokens, states, where a link leads, and the message it is sent in: the pure rules."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billing_core.commands import RevokeLink
from billing_core.links import (
    DESTINATIONS,
    LinkState,
    message,
    new_token,
    return_token,
    token_hash,
    without_bearers,
)
from tests.links.test_results import T0, link

FRESH = replace(link(), uses=0, last_redeemed_at=None)


def test_tokens_have_256_bits_and_never_repeat() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {43}


def test_neither_hash_nor_return_token_tells_the_token() -> None:
    token = new_token()
    kept = {token_hash(token), return_token(token), token_hash(return_token(token))}
    assert len(kept) == 3
    assert not any(token in each for each in kept)
    assert return_token(token) == return_token(token)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, LinkState.ACTIVE),
        ({"uses": 1}, LinkState.USED_UP),
        ({"uses": 1, "uses_allowed": 2}, LinkState.ACTIVE),
        ({"expires_at": T0}, LinkState.EXPIRED),
        ({"expires_at": T0 + timedelta(microseconds=1)}, LinkState.ACTIVE),
        ({"expires_at": T0, "uses": 1}, LinkState.USED_UP),
        ({"revoked_at": T0, "expires_at": T0, "uses": 1}, LinkState.REVOKED),
    ],
)
def test_a_links_state_names_the_reason_that_stays(
    changes: dict[str, Any], state: LinkState
) -> None:
    assert replace(FRESH, **changes).state(T0) is state


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_the_message_names_the_destination_its_limits_and_its_sender(destination: str) -> None:
    text = message(
        destination,
        url="https://pay.example/links/abc",
        expires_at=T0,
        uses=1,
        company="Northwind Cloud",
        sender="Ada",
    )
    assert f"{destination}:\nhttps://pay.example/links/abc" in text
    assert "once, until 1 August 2026 (12:00 UTC)" in text
    assert text.endswith("Ada\nNorthwind Cloud\n")


# Fixed, so that every worker of a parallel run knows the tests by the same names.
TOKEN = "Zk3vQ9xW1mT7bN5rJ0hY8cL2dF6gP4sA_uE-oKiRtXw"


@pytest.mark.parametrize(
    "address",
    [
        f"https://links.northwind.example/links/{TOKEN}",
        f"/return/{return_token(TOKEN)}?waited=5",
        "https://billing.stripe.com/p/session/live_YWNjdF8xMDMyRDgyZVp2S1lsbzJD",
        "checkout.stripe.com/c/pay/cs_live_a1B2c3D4e5F6g7H8",
        "http://127.0.0.1:12111/p/session/test_0123456789abcdefghij/home",
    ],
)
def test_an_address_that_lets_somebody_in_is_taken_out_of_a_reason(address: str) -> None:
    """People paste what they were asked about."""
    told = without_bearers(f"T-1: they say {address} is broken")
    assert told == "T-1: they say [link removed] is broken"
    command = RevokeLink(link_id="link_1", reason=f"leaked: {address}")
    assert command.reason == "leaked: [link removed]"


def test_ordinary_addresses_stay_in_a_reason() -> None:
    told = "see https://desk.example/tickets/4711, org_acme and link_0011223344556677"
    assert without_bearers(told) == told
