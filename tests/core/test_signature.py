"""A webhook is believed when one of our secrets signed these very bytes just now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.errors import SignatureError
from billing_core.stripe_gateway.signature import TOLERANCE_SECONDS, verify_signature
from tests.support.stripe_events import signed

OLD, NEW = "whsec_the_old_one_of_the_tests_1", "whsec_the_new_one_of_the_tests_2"
NOW = 1_790_000_000.0
BODY = '{"id":"evt_1","name":"Zürich"}'.encode()


def header(secret: str = NEW, at: float = NOW, body: bytes = BODY) -> bytes:
    return signed(body, secret=secret, at=at).signature.encode()


def verify(given_: bytes | None, body: bytes = BODY, *secrets: str) -> None:
    verify_signature(body, given_, secrets or (NEW, OLD), now=NOW)


def test_stripes_own_signature_holds_with_either_secret_while_one_is_rolled() -> None:
    verify(header(NEW))
    verify(header(OLD))
    verify(header(OLD) + b",v1=" + b"0" * 64)
    verify(b" , ".join(reversed(header().split(b","))))
    verify(header() + b",v0=abc,unknown=1")


@pytest.mark.parametrize("shift", [-TOLERANCE_SECONDS, 0, TOLERANCE_SECONDS])
def test_a_timestamp_within_five_minutes_holds(shift: int) -> None:
    verify(header(at=NOW + shift))


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        (None, "missing"),
        (b"", "missing"),
        (b"nonsense", "cannot be read"),
        (b"t=,v1=", "cannot be read"),
        (b"t=1790000000", "cannot be read"),
        (b"v1=" + b"0" * 64, "cannot be read"),
        (b"t=99999999999999999999,v1=00", "cannot be read"),
        ("t=١٧٩,v1=00".encode(), "cannot be read"),
        (b"t=-1790000000,v1=00", "cannot be read"),
        (b"t=1790000000,v1=\xff\xfe", "does not match"),
        (b"t=1790000000,v1=", "does not match"),
        (header("whsec_somebody_elses_secret_here"), "does not match"),
        (header(at=NOW - TOLERANCE_SECONDS - 1), "too old"),
        (header(at=NOW + TOLERANCE_SECONDS + 1), "in the future"),
        (header().replace(b"v1", b"v0"), "cannot be read"),
    ],
)
def test_what_does_not_hold_is_refused_with_a_sentence(given_: bytes | None, words: str) -> None:
    with pytest.raises(SignatureError, match=words) as refusal:
        verify(given_)
    assert NEW not in str(refusal.value)


def test_a_changed_body_or_timestamp_is_refused() -> None:
    for body in (BODY + b" ", BODY[:-1], b""):
        with pytest.raises(SignatureError):
            verify(header(), body)
    with pytest.raises(SignatureError):
        verify(header(at=NOW - 10).replace(b"1789999990", b"1790000000"))


@given(st.binary(max_size=80), st.binary(max_size=20))
def test_no_header_makes_it_stumble(given_: bytes, body: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(given_, body)
