"""A stored event's payload, read back for those who may."""

import json

from sqlalchemy import delete, update

from billing_core import queries
from billing_core.rows import Payload
from tests.core.company import Company, T


def payload_of(company: Company, event_id: str) -> Payload | None:
    with company.reader.connect() as connection:
        return queries.payload(connection, event_id)


def test_a_payload_is_the_stored_event_set_out_to_be_read(company: Company) -> None:
    made = company.subscribe("org_acme", name="Zürich")
    found = payload_of(company, "evt_000002")
    assert found is not None and found.text is not None
    assert json.loads(found.text)["data"]["object"] == made
    assert found.type == "customer.subscription.created"
    assert found.org_id == "org_acme"
    assert found.created == company.now
    assert '\n  "type": "customer.subscription.created"' in found.text


def test_a_payload_that_is_gone_or_broken_leaves_the_event(company: Company) -> None:
    company.subscribe("org_acme")
    p = T["webhook_payloads"]
    with company.engine.begin() as connection:
        connection.execute(delete(p).where(p.c.event_id == "evt_000001"))
        connection.execute(update(p).values(body=b"\x00"))
    for event_id in ("evt_000001", "evt_000002"):
        found = payload_of(company, event_id)
        assert found is not None
        assert found.text is None


def test_an_unknown_event_has_no_payload(company: Company) -> None:
    assert payload_of(company, "evt_nobody") is None
