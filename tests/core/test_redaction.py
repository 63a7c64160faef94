"""Nothing that opens a customer's billing stays in a payload that is kept."""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing_core.stripe_gateway.redaction import REDACTED, blank_links, redact, scrub

PORTAL = "https://billing.stripe.com/p/session/live_YWNjdF8x"


def kept(event: Any) -> Any:  # noqa: ANN401 - any JSON value
    body = orjson.dumps(event)
    return orjson.loads(redact(body, orjson.loads(body)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", PORTAL),
        ("hosted_invoice_url", "https://invoice.stripe.com/i/acct_1/live_x"),
        ("invoice_pdf", "https://pay.stripe.com/invoice/acct_1/live_x/pdf"),
        ("receipt_url", "https://pay.stripe.com/receipts/x"),
        ("hosted_verification_url", "https://payments.stripe.com/x"),
        ("client_secret", "seti_1_secret_abc"),
        ("secret", "abc"),
        ("note", f"see {PORTAL}"),
        ("something_new", PORTAL),
        ("description", "our key is sk_live_abcdefghijklmnop"),
        ("comment", "whsec_abcdefghijklmnopqrst"),
        ("URL", "https://anywhere.example/token"),
        ("login_token", "abc"),
        ("password", "abc"),
        ("api_key", "abc"),
        ("account_number", "000123456789"),
        ("note", "rk_test_abcdefghijklmnop"),
        ("note", "ek_live_abcdefghijklmnop"),
    ],
)
def test_what_opens_something_is_taken_out_wherever_it_stands(name: str, value: str) -> None:
    nested = {
        "id": "evt_1",
        "data": {"object": {"id": "bps_1", "deep": [{name: value}, {name: 1}]}},
    }
    stored = kept(nested)
    assert value not in orjson.dumps(stored).decode()
    assert stored["data"]["object"]["deep"] == [{name: REDACTED}, {name: 1}]
    assert stored["data"]["object"]["id"] == "bps_1"


def test_an_escaped_url_is_found_too() -> None:
    body = b'{"id":"evt_1","data":{"object":{"odd":"https:\\/\\/billing.stripe.com\\/p\\/session\\/x"}}}'
    assert b"session" not in redact(body, orjson.loads(body))
    spelled = b'{"data":{"object":{"odd":"https://billing\\u002estripe\\u002ecom/p/session/x"}}}'
    assert b"session" not in redact(spelled, orjson.loads(spelled))


def test_an_address_of_the_api_stays_so_that_lists_keep_their_meaning() -> None:
    event = {"data": {"object": {"items": {"url": "/v1/subscription_items?subscription=sub_1"}}}}
    assert kept(event) == event


def test_what_holds_nothing_of_the_kind_is_kept_byte_for_byte() -> None:
    body = b'{ "id":"evt_1",  "data": {"object": {"status": "active", "amount": 1.50}} }'
    assert redact(body, orjson.loads(body)) is body


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=10) | st.sampled_from(["url", "secret"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(
    st.dictionaries(st.text(max_size=8), _JSON), st.sampled_from([PORTAL, "rk_live_abcdefghijklm"])
)
def test_no_shape_hides_it(shape: dict[str, Any], secret: str) -> None:
    shape["planted"] = [{"x": [shape.get("x"), {"anything": f"a {secret} b"}]}]
    assert secret not in orjson.dumps(kept(shape)).decode()


@pytest.mark.parametrize(
    "name", ["desk_professional", "risk_assessment2", "snapshot_cus_7kx0MNWC0VzOeK_1795431496"]
)
def test_a_name_that_only_looks_a_little_like_a_key_stays(name: str) -> None:
    """A lookup key or an id taken out would change what the event means."""
    event = {"id": name, "data": {"object": {"lookup_key": name}}}
    assert kept(event) == event


_PIECES = st.sampled_from(
    [
        *("url", "_url", "URL", "pdf", "_pdf", "secret", "client_secret", "token", "password"),
        *(
            "api_key",
            "account_number",
            "https://",
            "billing.stripe.com/",
            "https://pay.stripe.com/",
        ),
        *("sk_live_abcdefghij", "rk_test_abcdefghij", "ek_live_", "whsec_abcdefghij", "abcdefghij"),
        *(
            "/v1/",
            "/v2/x?y=z",
            "/",
            '"',
            "\\",
            ":",
            ",",
            "{",
            "}",
            " ",
            "\n",
            "\x00",
            "?",
            "_",
            "x",
        ),
        *("é", "ſ", "K", "💩", REDACTED),
    ]
)
_TEXTS = st.lists(_PIECES, max_size=3).map("".join)
_NASTY = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)
_SPELLINGS: list[Callable[[Any], bytes]] = [
    orjson.dumps,
    lambda event: json.dumps(event, indent=2).encode(),
    lambda event: json.dumps(event, ensure_ascii=False, separators=(" ,\t", "\r\n: ")).encode(),
    lambda event: json.dumps(event).replace("/", "\\/").encode(),
]


@settings(max_examples=1_000, deadline=None)
@given(st.dictionaries(_TEXTS, _NASTY, max_size=2), st.sampled_from(_SPELLINGS))
def test_looking_at_the_bytes_takes_out_what_walking_the_tree_does(
    event: dict[str, Any], spell: Callable[[Any], bytes]
) -> None:
    """Neither less nor more, however the JSON is written."""
    body = spell(event)
    walked = orjson.loads(body)
    scrub(walked)
    blanked = blank_links(body)
    parsed = orjson.loads(blanked)
    assert orjson.loads(redact(blanked, parsed)) == walked == parsed
    assert orjson.loads(redact(body, orjson.loads(body))) == walked


_FRAGMENTS = st.lists(
    _PIECES.map(str.encode)
    | st.sampled_from(
        [b'"x_url":"', b'"x_pdf" : "abc"', b'stripe.com"', b"[", b"]", b"\x01", b"\xff"]
    ),
    max_size=8,
)


@settings(max_examples=1_000, deadline=None)
@given(_FRAGMENTS, st.sampled_from([(b"", b""), (b"{", b"}"), (b'{"a":', b"}"), (b'["', b'"]')]))
def test_blank_links_make_no_json_of_what_is_none(
    fragments: list[bytes], around: tuple[bytes, bytes]
) -> None:
    body = around[0] + b"".join(fragments) + around[1]
    assert _is_json(blank_links(body)) == _is_json(body)


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True
