"""Signing in through an OpenID Connect provider, honest and not, over real HTTP and in a browser."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx
import jwt
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import Browser, expect

from console.provider import hold_to
from tests.console.browsing import fresh, idle, window
from tests.console.serving import COOKIE, Console, running_console, write_users
from tests.support import patient
from tests.support.oidc_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    Claims,
    OidcProvider,
    running_provider,
)
from tests.support.ports import free_port

PROVES_NOTHING = "does not prove who you are"
JANE = {
    "email": "Jane@Example.com",
    "email_verified": True,
    "name": "Jane **Doe**",
    "groups": ["everybody", "billing-support"],
}


def _settings(provider: OidcProvider) -> dict[str, str]:
    port = free_port()
    return {
        "CONSOLE_PORT": str(port),
        "CONSOLE_URL": f"http://127.0.0.1:{port}",
        "CONSOLE_OIDC_ISSUER": provider.url,
        "CONSOLE_OIDC_CLIENT_ID": CLIENT_ID,
        "CONSOLE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "CONSOLE_OIDC_NAME": "Example ID",
        "CONSOLE_OIDC_ROLES": "billing-support=support; billing-admins=admin,ops",
        "CONSOLE_OIDC_DOMAINS": "example.com",
    }


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Console, OidcProvider]]:
    with (
        running_provider() as provider,
        running_console(tmp_path_factory.mktemp("sso"), **_settings(provider)) as console,
    ):
        yield console, provider


@pytest.fixture
def provider(running: tuple[Console, OidcProvider]) -> OidcProvider:
    running[1].straighten()
    running[1].people = {
        "jane": JANE,
        "nobody": {**JANE, "email": "nobody@example.com", "groups": ["everybody"]},
        "stranger": {**JANE, "email": "jane@evil.example"},
        "unproven": {**JANE, "email": "u@example.com", "email_verified": False},
        "silent": {**JANE, "email": "s@example.com", "email_verified": None},
        "nameless": {"email_verified": True, "groups": ["billing-support"]},
    }
    return running[1]


@pytest.fixture
def console(running: tuple[Console, OidcProvider], provider: OidcProvider) -> Console:
    write_users(running[0].users, {"admin": "admin"})
    with closing(sqlite3.connect(running[0].sessions)) as connection, connection:
        connection.execute("DELETE FROM sessions")
    return running[0]


def _leave(client: httpx.Client, wanted: str = "/") -> httpx.URL:
    """Begin a trip; where the browser is sent."""
    answer = client.get("/signin/provider", params={"next": wanted})
    assert answer.status_code == 303, answer.text
    return httpx.URL(answer.headers["location"])


def _consent(address: httpx.URL, person: str) -> str:
    """Be somebody at the provider; where that leads back to."""
    return str(patient.post(address, data={"person": person}).headers["location"])


def _arrive(console: Console, person: str, wanted: str = "/") -> httpx.Response:
    with console.client() as client:
        return client.get(_consent(_leave(client, wanted), person))


def test_a_trip_leads_to_the_page_that_was_asked_for_in_a_session_of_ours(
    console: Console,
) -> None:
    answer = _arrive(console, "jane", "/organization?org=org_acme")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/organization?org=org_acme"
    cookies = answer.headers.get_list("set-cookie")
    kept = next(each for each in cookies if each.startswith(COOKIE)).lower()
    assert "httponly" in kept
    assert "samesite=lax" in kept
    assert f"max-age={8 * 3600}" in kept
    assert not any("streamlit" in each for each in cookies)
    assert console.lets_in(answer.cookies[COOKIE])


def test_a_session_ends_with_sign_out_and_only_a_fresh_trip_opens_another(
    console: Console,
) -> None:
    with console.client() as client:
        callback = _consent(_leave(client), "jane")
        session = client.get(callback).cookies[COOKIE]
        client.post("/signout")
        assert not console.lets_in(session)
        replayed = client.get(callback)
        assert replayed.status_code == 400
        assert COOKIE not in replayed.cookies
        client.cookies.set("_streamlit_user", "anything")
        assert client.get("/").status_code == 303
        assert client.get(_consent(_leave(client), "jane")).status_code == 303


def test_a_callback_belongs_to_the_browser_that_began_the_trip(console: Console) -> None:
    with console.client() as victim, console.client() as attacker:
        callback = _consent(_leave(attacker), "jane")
        _leave(victim)
        answer = victim.get(callback)
        assert answer.status_code == 400
        assert "begun elsewhere" in answer.text
        assert COOKIE not in answer.cookies


def test_two_windows_can_be_on_their_way_at_once(console: Console) -> None:
    with console.client() as client:
        first, second = _leave(client, "/audit"), _leave(client, "/webhooks")
        assert client.get(_consent(first, "jane")).headers["location"] == "/audit"
        assert client.get(_consent(second, "jane")).headers["location"] == "/webhooks"


def test_somebody_elses_code_does_not_fit_ones_own_trip(console: Console) -> None:
    """Without the verifier, which never left the other browser, the provider refuses the code."""
    with console.client() as victim, console.client() as attacker:
        stolen = httpx.URL(_consent(_leave(victim), "jane")).params["code"]
        own = httpx.URL(_consent(_leave(attacker), "nobody"))
        answer = attacker.get(str(own.copy_set_param("code", stolen)))
        assert answer.status_code == 401
        assert PROVES_NOTHING in answer.text


OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BENT: dict[str, Callable[[Claims], Claims]] = {
    "another nonce": lambda claims: {**claims, "nonce": "another"},
    "no nonce": lambda claims: {k: v for k, v in claims.items() if k != "nonce"},
    "another issuer": lambda claims: {**claims, "iss": "https://evil.example"},
    "another audience": lambda claims: {**claims, "aud": "another-client"},
    "another audience, authorized for us": lambda claims: {
        **claims,
        "aud": "another-client",
        "azp": CLIENT_ID,
    },
    "several audiences, authorized for another": lambda claims: {
        **claims,
        "aud": [CLIENT_ID, "another-client"],
        "azp": "another-client",
    },
    "expired": lambda claims: {**claims, "exp": int(time.time()) - 120},
    "from the future": lambda claims: {**claims, "iat": int(time.time()) + 3600},
    "no expiry": lambda claims: {k: v for k, v in claims.items() if k != "exp"},
    "no subject": lambda claims: {k: v for k, v in claims.items() if k != "sub"},
}


@pytest.mark.parametrize("fault", BENT)
def test_a_token_that_is_not_for_this_trip_proves_nothing(
    console: Console, provider: OidcProvider, fault: str
) -> None:
    provider.bend = BENT[fault]
    answer = _arrive(console, "jane")
    assert answer.status_code == 401
    assert PROVES_NOTHING in answer.text
    assert COOKIE not in answer.cookies


@pytest.mark.parametrize("forgery", ["none", "HS256", "another key"])
def test_a_token_that_the_provider_did_not_sign_proves_nothing(
    console: Console, provider: OidcProvider, forgery: str
) -> None:
    provider.sign = {
        "none": lambda claims: jwt.encode(claims, "", algorithm="none"),
        "HS256": lambda claims: jwt.encode(claims, CLIENT_SECRET, headers={"kid": "one"}),
        "another key": lambda claims: jwt.encode(
            claims, OTHER_KEY, algorithm="RS256", headers={"kid": "one"}
        ),
    }[forgery]
    assert _arrive(console, "jane").status_code == 401


@pytest.mark.parametrize("offered", [["none", "HS256", "RS256"], ["none"], [], None])
def test_an_algorithm_that_others_can_sign_with_is_not_used_even_if_offered(
    offered: list[str] | None,
) -> None:
    issuer = "https://id.example"
    metadata: Claims = {"issuer": issuer, "id_token_signing_alg_values_supported": offered}
    metadata |= dict.fromkeys(("authorization_endpoint", "token_endpoint", "jwks_uri"), issuer)
    hold_to(metadata, issuer)
    assert metadata["id_token_signing_alg_values_supported"] == ["RS256"]


@pytest.mark.parametrize(
    ("person", "sentence"),
    [
        ("nobody", "have no role here"),
        ("stranger", "not of a domain"),
        ("unproven", "has not verified"),
        ("silent", "has not verified"),
        ("nameless", "no e-mail address"),
    ],
)
def test_whoever_may_not_sign_in_is_told_why(console: Console, person: str, sentence: str) -> None:
    answer = _arrive(console, person)
    assert answer.status_code == 403
    assert sentence in answer.text
    assert COOKIE not in answer.cookies


def test_what_is_told_at_the_userinfo_endpoint_alone_counts_too(
    console: Console, provider: OidcProvider
) -> None:
    provider.at_userinfo = frozenset({"email", "email_verified", "groups"})
    assert _arrive(console, "jane").status_code == 303
    provider.told.clear()
    provider.bend = lambda claims: {**claims, "sub": "somebody-else"}
    assert _arrive(console, "jane").status_code == 401


def test_an_address_counts_as_verified_only_where_it_is_told(
    console: Console, provider: OidcProvider
) -> None:
    """What userinfo has verified does not vouch for another address in the token."""
    provider.people["boss"] = {**JANE, "email": "boss@example.com"}
    provider.at_userinfo = frozenset({"email_verified"})
    provider.bend = lambda claims: {**claims, "email": "boss@example.com"}
    session = _arrive(console, "jane").cookies[COOKIE]
    with closing(sqlite3.connect(console.sessions)) as connection:
        names = connection.execute("SELECT username FROM sessions").fetchall()
    assert names == [("jane@example.com",)]
    assert console.lets_in(session)


def test_a_provider_that_calls_back_under_another_name_is_not_believed(
    console: Console,
) -> None:
    with console.client() as client:
        callback = httpx.URL(_consent(_leave(client), "jane"))
        answer = client.get(str(callback.copy_set_param("iss", "https://evil.example")))
    assert answer.status_code == 401


def test_whoever_gave_up_at_the_provider_sees_the_form_again(console: Console) -> None:
    with console.client() as client:
        state = _leave(client, "/audit").params["state"]
        answer = client.get("/oauth2callback", params={"state": state, "error": "access_denied"})
    assert answer.status_code == 401
    assert "Example ID has not signed you in." in answer.text
    assert 'value="/audit"' in answer.text


@pytest.mark.parametrize("state", ["", "x", "é" * 100, "a" * 5000])
def test_a_callback_out_of_nowhere_is_refused_with_a_sentence(console: Console, state: str) -> None:
    with console.client() as client:
        answer = client.get("/oauth2callback", params={"state": state, "code": "x"})
    assert answer.status_code == 400
    assert "Begin anew" in answer.text


def test_the_users_file_gives_roles_and_takes_access_away_at_once(console: Console) -> None:
    def entry(**values: object) -> None:
        document = yaml.safe_load(console.users.read_text(encoding="utf-8"))
        document["credentials"]["usernames"]["nobody@example.com"] = {"password": "!", **values}
        console.users.write_text(yaml.safe_dump(document), encoding="utf-8")

    entry(roles=["finance"])
    session = _arrive(console, "nobody").cookies[COOKIE]
    assert console.lets_in(session)
    assert console.sign_in("nobody@example.com", "!").status_code == 401
    entry(roles=["finance"], disabled=True)
    assert not console.lets_in(session)
    answer = _arrive(console, "nobody")
    assert answer.status_code == 403
    assert "An administrator has closed this console" in answer.text


def test_roles_follow_the_groups_of_each_new_sign_in(
    console: Console, provider: OidcProvider
) -> None:
    first = _arrive(console, "jane").cookies[COOKIE]
    provider.people["jane"] = {**JANE, "groups": ["everybody"]}
    assert console.lets_in(first)
    assert _arrive(console, "jane").status_code == 403


@pytest.mark.parametrize("hostile", ["//evil.example", "https://evil.example/", "/oauth2callback"])
def test_a_trip_never_leads_off_the_console(console: Console, hostile: str) -> None:
    assert _arrive(console, "jane", hostile).headers["location"] == "/"


def test_passwords_still_work_beside_it(console: Console) -> None:
    with console.client() as client:
        form = client.get("/signin").text
    assert "Sign in with Example ID" in form
    assert "Password" in form
    assert console.sign_in("admin").status_code == 303


def test_without_passwords_only_the_provider_lets_anybody_in(
    running: tuple[Console, OidcProvider],
    provider: OidcProvider,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = _settings(provider) | {"CONSOLE_PASSWORD_SIGN_IN": "false"}
    with running_console(tmp_path_factory.mktemp("no passwords"), **settings) as console:
        assert console.sign_in("admin").status_code == 403
        with console.client() as client:
            assert "Password" not in client.get("/signin").text
        assert console.lets_in(_arrive(console, "jane").cookies[COOKIE])


def test_a_provider_that_is_away_or_not_itself_is_a_sentence(
    provider: OidcProvider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_console(tmp_path_factory.mktemp("impostor"), **_settings(provider)) as console:
        for said in (
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://evil.example/token"},
            {"jwks_uri": None},
        ):
            provider.metadata = said
            with console.client() as client:
                answer = client.get("/signin/provider", params={"next": "/audit"})
            assert answer.status_code == 503
            assert "Example ID does not answer as it should" in answer.text
        provider.straighten()
        assert console.lets_in(_arrive(console, "jane").cookies[COOKIE])
        log = console.log.read_text(encoding="utf-8")
        assert CLIENT_SECRET not in log
        assert "Traceback" not in log
        assert "Deprecation" not in log


def test_without_a_provider_its_paths_are_closed(fresh_console: Console) -> None:
    with fresh_console.client() as client:
        for path in ("/signin/provider", "/oauth2callback", "/auth/login"):
            answer = client.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/signin")
        assert "Sign in with" not in client.get("/signin").text


def test_in_a_browser_a_deep_link_survives_the_trip_and_sign_out_ends_every_tab(
    browser: Browser, console: Console, provider: OidcProvider
) -> None:
    with window(browser) as staff:
        page = staff.new_page()
        page.goto(f"{console.url}/organizations?q=robotics")
        page.get_by_role("link", name="Sign in with Example ID").click()
        page.get_by_role("button", name="Continue as jane").click()
        idle(page)
        assert page.url == f"{console.url}/organizations?q=robotics"
        expect(fresh(page.get_by_text("Jane **Doe**"))).to_be_visible()
        expect(fresh(page.get_by_text("Support", exact=True))).to_be_visible()
        expect(page.get_by_role("link", name="Audit log")).to_have_count(0)
        cookie = next(each["value"] for each in staff.cookies() if each["name"] == COOKIE)
        other = staff.new_page()
        other.goto(f"{console.url}/organizations")
        idle(other)
        fresh(page.get_by_role("button", name="Sign out")).click()
        expect(fresh(page.get_by_text("You have been signed out"))).to_be_visible()
        other.goto(f"{console.url}/organizations")
        expect(other.get_by_role("link", name="Sign in with Example ID")).to_be_visible()
        assert not console.lets_in(cookie)
