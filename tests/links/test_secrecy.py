"""After a whole round trip neither a token nor a Stripe URL is found anywhere."""

import zlib
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import create_engine, inspect

from billing_core.destinations import BILLING_HOME, CANCEL_SUBSCRIPTION, CHECKOUT
from billing_core.links import return_token
from tests.links.stage import Stage
from tests.sandbox.browser import Browser
from tests.support import patient


def everything_stored(stage: Stage) -> str:
    """Each row of each table, as text."""
    engine = create_engine(stage.listener.database_url)
    names = inspect(engine).get_table_names()
    engine.dispose()
    rows: list[Any] = [row for name in names for row in stage.rows(f'SELECT * FROM "{name}"')]
    return "\n".join(repr(tuple(map(_readable, row))) for row in rows)


def _readable(value: object) -> object:
    """Payloads unpacked; the blocks of a search index byte by byte, so that they are searched too."""
    if not isinstance(value, bytes):
        return value
    try:
        return zlib.decompress(value).decode()
    except zlib.error:
        return value.decode("latin-1")


def test_neither_a_token_nor_a_stripe_url_is_left_anywhere(stage: Stage) -> None:
    org_id, _ = stage.subscriber()
    buyer, _ = stage.customer()
    stage.settle()
    urls = [
        stage.create(org_id, CANCEL_SUBSCRIPTION)["url"],
        stage.create(org_id, BILLING_HOME)["url"],
        stage.create(buyer, CHECKOUT, target_lookup_key="pro_monthly")["url"],
    ]
    stage.control.fail_next(3, path="/v1/billing_portal/sessions", status=500)
    stage.redeem(urls[0], CANCEL_SUBSCRIPTION)
    stage.control.clear_faults()
    sent = [
        stage.redeem(url, destination).headers["location"]
        for url, destination in zip(
            urls, (CANCEL_SUBSCRIPTION, BILLING_HOME, CHECKOUT), strict=True
        )
    ]
    browser = Browser().open(sent[0]).press("Cancel plan").press("No thanks")
    assert "/return/" in browser.address
    stage.settle()
    tokens = [url.rpartition("/")[2] for url in urls]
    secrets = [*tokens, *(return_token(token) for token in tokens)]
    secrets += [url.rpartition("/p/session/")[2].partition("/")[0] for url in sent[:2]]
    secrets += [sent[2].rpartition("/")[2]]
    places = {
        "database": everything_stored(stage),
        "log": stage.listener.log,
        "metrics": patient.get(f"{stage.url}/metrics").text,
    }
    assert "billing_link_redemptions" in places["metrics"]
    assert '"link.redeemed"' in places["log"]
    for place, text in places.items():
        assert [secret for secret in secrets if secret in text] == [], place
        assert stage.sandbox.url not in text, place


def test_unknown_and_expired_links_take_the_same_time(stage: Stage) -> None:
    """One lookup by hash and one page each; measured coarsely, as machines are busy."""
    org_id, _ = stage.subscriber()
    made = stage.create(org_id, BILLING_HOME)
    stage.expire(made["link_id"])
    unknown = f"{stage.url}/links/{'x' * 43}"
    took: dict[str, list[float]] = {made["url"]: [], unknown: []}
    with patient.Client() as client:
        for number in range(60):
            for url, times in took.items():
                address = {"x-forwarded-for": f"198.51.100.{number}"}
                began = perf_counter()
                client.get(url, headers=address)
                times.append(perf_counter() - began)
    expired, missing = (median(times) for times in took.values())
    assert 0.5 < expired / missing < 2
