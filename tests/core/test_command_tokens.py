"""A command's token holds for one user, one path, one body, one minute, and cannot be forged."""

import base64
import time
from typing import Any

import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing_core.commands import LIFETIME_SECONDS, sign_command, verify_command
from billing_core.errors import CommandTokenError
from billing_core.permissions import PERMISSIONS, Permission, Role, may

SECRET = "Zr5kq-2mVw8Xc1Ny7Tb4Lp9Js6Hd3Gf0Ae"
PATH = "/commands/audit"
BODY = b'{"kind":"begin"}'


def token(**claims: Any) -> str:  # noqa: ANN401
    signed = sign_command(
        SECRET, username="ada", roles=frozenset({"support"}), path=PATH, body=BODY
    )
    if not claims:
        return signed
    known = jwt.decode(signed, options={"verify_signature": False})
    known = {name: value for name, value in {**known, **claims}.items() if value is not ...}
    return jwt.encode(known, SECRET, algorithm="HS256")


def verify(given_: str, path: str = PATH, body: bytes = BODY, secret: str = SECRET) -> object:
    return verify_command(secret, token=given_, path=path, body=body)


def test_a_token_says_who_asks() -> None:
    caller = verify_command(SECRET, token=token(), path=PATH, body=BODY)
    assert (caller.username, caller.roles) == ("ada", frozenset({"support"}))
    assert caller.token_id
    other = verify_command(SECRET, token=token(), path=PATH, body=BODY)
    assert other.token_id != caller.token_id


def test_another_path_or_body_or_secret_is_refused() -> None:
    for wrong in (
        {"path": "/commands/links"},
        {"path": PATH + "/"},
        {"body": BODY + b" "},
        {"body": b""},
        {"secret": SECRET[::-1]},
    ):
        with pytest.raises(CommandTokenError):
            verify(token(), **wrong)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 1},
        {"exp": int(time.time()) + 3600},
        {"exp": ...},
        {"iat": ...},
        {"iat": int(time.time()) + 600},
        {"jti": ...},
        {"sub": ...},
        {"sub": 7},
        {"roles": ...},
        {"roles": "admin"},
        {"path": ...},
        {"body": ...},
        {"aud": "console"},
        {"aud": ...},
    ],
)
def test_a_token_that_lacks_or_bends_a_claim_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(CommandTokenError) as refusal:
        verify(token(**claims))
    assert SECRET not in str(refusal.value)


def test_a_token_lives_no_longer_than_a_minute() -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == LIFETIME_SECONDS <= 60


def unsigned(algorithm: str) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()

    claims = jwt.decode(token(), options={"verify_signature": False})
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", "RS256", ""])
def test_an_unsigned_token_is_refused(algorithm: str) -> None:
    with pytest.raises(CommandTokenError):
        verify(unsigned(algorithm))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    secret = SECRET * 2
    with pytest.raises(CommandTokenError):
        verify(jwt.encode(claims, secret, algorithm=algorithm), secret=secret)


@given(st.text(max_size=60))
def test_no_text_passes_for_a_token(text: str) -> None:
    with pytest.raises(CommandTokenError):
        verify(text)


@given(st.integers(0, 10_000), st.integers(1, 127))
def test_a_token_changed_in_one_place_is_refused(place: int, step: int) -> None:
    good = token()
    index = place % len(good)
    changed = good[:index] + chr((ord(good[index]) + step) % 128) + good[index + 1 :]
    try:
        caller = verify_command(SECRET, token=changed, path=PATH, body=BODY)
    except CommandTokenError:
        return
    assert caller.username == "ada"  # base64's last character has bits that mean nothing
    assert index == len(good) - 1


def test_unknown_roles_may_nothing() -> None:
    assert not any(may(["root", "", "SUPPORT"], permission) for permission in Permission)
    assert not any(may([], permission) for permission in Permission)


def test_each_permission_is_somebodys_and_the_admins() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert PERMISSIONS[Role.ADMIN] == frozenset(Permission)
    assert may(["unknown", "support"], Permission.MINT_LINKS)
    assert not may(["finance", "ops"], Permission.MINT_LINKS)
