"""Settings: each missing, weak or malformed one stops with a sentence that names it."""

from pathlib import Path

import pytest

from billing_core.config import load_config
from billing_core.errors import SettingsError
from billing_core.settings import ROOT, Settings, load_settings

GOOD = "Zr5kq-2mVw8Xc1Ny7Tb4Lp9Js6Hd3Gf0Ae"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the machine's and no ``.env`` reaches the test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def with_env(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


@pytest.mark.parametrize("value", ["", "short", "a" * 64, "change-me-" + GOOD, "password" + GOOD])
def test_a_missing_or_weak_command_secret_stops_with_its_name(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    chosen = with_env(monkeypatch, COMMAND_SECRET=value)
    with pytest.raises(SettingsError, match="COMMAND_SECRET") as refusal:
        chosen.command_key()
    assert not value or value not in str(refusal.value)


@pytest.mark.parametrize("value", ["", ",", "whsec_short", "whsec_" + GOOD + ",whsec_weak"])
def test_a_missing_or_weak_webhook_secret_stops_with_its_name(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    chosen = with_env(monkeypatch, STRIPE_WEBHOOK_SECRET=value)
    with pytest.raises(SettingsError, match="STRIPE_WEBHOOK_SECRET"):
        chosen.webhook_secrets()


def test_several_webhook_secrets_hold_while_one_is_rolled(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = f"whsec_{GOOD}", f"whsec_{GOOD[::-1]}"
    chosen = with_env(monkeypatch, STRIPE_WEBHOOK_SECRET=f" {one} ,{two},")
    assert chosen.webhook_secrets() == (one, two)


def test_a_missing_api_key_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="STRIPE_API_KEY"):
        with_env(monkeypatch).stripe_key()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, False),
        ({"STRIPE_API_KEY": "rk_test_1"}, False),
        ({"STRIPE_API_KEY": "rk_live_1"}, True),
        ({"STRIPE_API_KEY": "sk_live_1"}, True),
        ({"STRIPE_API_KEY": "rk_live_1", "LIVEMODE": "false"}, False),
        ({"LIVEMODE": "true"}, True),
    ],
)
def test_the_mode_is_read_off_the_key_unless_it_is_said(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], expected: bool
) -> None:
    assert with_env(monkeypatch, **values).expected_livemode is expected


def test_no_secret_shows_in_a_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = with_env(
        monkeypatch,
        STRIPE_API_KEY="rk_test_hidden",
        STRIPE_WEBHOOK_SECRET=f"whsec_{GOOD}",
        COMMAND_SECRET=GOOD,
    )
    shown = repr(chosen) + str(chosen.model_dump())
    assert "hidden" not in shown
    assert GOOD not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [("APP_URL", "app.example"), ("PUBLIC_URL", "ftp://x"), ("LIVEMODE", "perhaps")],
)
def test_a_malformed_value_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=name) as refusal:
        with_env(monkeypatch, **{name: value})
    assert value not in str(refusal.value)


def test_the_console_reads_the_same_sqlite_file_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (
        with_env(monkeypatch, DATABASE_URL="sqlite:///x.db").database_read_url == "sqlite:///x.db"
    )
    other = with_env(monkeypatch, DATABASE_URL="postgresql+psycopg://h/d")
    assert other.database_read_url == ""


def test_a_trailing_slash_of_an_address_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_env(monkeypatch, APP_URL="https://app.example/").app_url == "https://app.example"


def test_a_dot_env_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("APP_URL=https://ünï.example\n", encoding="utf-8")
    assert load_settings().app_url == "https://ünï.example"


def test_the_billing_toml_of_the_project_can_be_used() -> None:
    config = load_config(ROOT / "billing.toml")
    assert config.plan_for("pro_monthly", None) == "pro"
    assert config.plan_name("pro") == "Pro"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plans = 3", "plans"),
        ("[plans.pro]\nname = 1", "plans.pro.name"),
        ("[plans.pro]\nname = 'Pro'\nlookup_key = ['x']", "lookup_key"),
        ("[company]\ncolour = 'red'", "company.colour"),
        ("this is no toml", "not valid TOML"),
        (
            "[plans.a]\nname='A'\nlookup_keys=['k']\n[plans.b]\nname='B'\nretired_price_ids=['k']",
            "names both plan",
        ),
    ],
)
def test_a_billing_toml_that_cannot_be_used_says_where(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "billing.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load_config(path)


def test_a_missing_billing_toml_names_its_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BILLING_CONFIG"):
        load_config(tmp_path / "missing.toml")
    with pytest.raises(SettingsError, match=r"BILLING_CONFIG.*cannot be read: Is a directory"):
        load_config(tmp_path)


def test_a_retired_price_keeps_its_plan_and_a_stranger_has_none(tmp_path: Path) -> None:
    path = tmp_path / "billing.toml"
    path.write_text(
        "[plans.pro]\nname = 'Pro'\nlookup_keys = ['pro']\nretired_price_ids = ['price_old']",
        encoding="utf-8",
    )
    config = load_config(path)
    assert config.plan_for(None, "price_old") == "pro"
    assert config.plan_for("unknown", "price_new") is None
    assert config.plan_for(None, None) is None
    assert config.plan_name("gone") == "gone"
