"""A return path stays on the product's own origin, whatever a browser would make of it."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.errors import BillingError, BillingErrorCode
from billing_core.urls import absolute_url

BASE = "https://app.example:8443"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/settings/billing",
        "/settings/billing?from=portal&x=%2F%2Fevil",
        "/a/../b",
        "/@evil",
        "/:80",
        "/a//b",
        "/%5Cevil",
        "/#top",
    ],
)
def test_a_path_of_the_product_becomes_an_address_of_the_product(path: str) -> None:
    url = absolute_url(path, base=BASE)
    assert urlsplit(url)[:2] == ("https", "app.example:8443")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "settings",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\\b",
        "https:evil.example",
        "https://evil.example",
        "HTTPS://evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "@evil.example",
        "/a\r\nLocation: https://evil.example",
        "/a\n",
        "/a\tb",
        "/a b",
        " /a",
        "/\x00",
        "/ü",
        "/\u2028",
        "/\N{FULLWIDTH SOLIDUS}evil.example",
        "user:password@evil.example",
        "https://app.example:8443@evil.example",
        "https://app.example:8443/",
        "/\t/evil.example",
        "\x0b//evil.example",
    ],
)
def test_what_could_lead_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(BillingError) as refusal:
        absolute_url(path, base=BASE)
    assert refusal.value.code is BillingErrorCode.INVALID_RETURN_PATH


@given(st.text(max_size=40) | st.text(alphabet="/\\:@.?#%aé \t\r\nhtps", max_size=20))
def test_no_text_leads_to_another_origin(path: str) -> None:
    try:
        url = absolute_url(path, base=BASE)
    except BillingError:
        return
    assert url.startswith(BASE + "/")
    assert "\\" not in url
    assert url.isascii()
    assert url.isprintable()
