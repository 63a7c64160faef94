"""``billing-config``: what it tells, what it asks, and how it ends."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from billing_core.configuration import cli
from billing_core.configuration.account import Account as StripeAccount
from billing_core.configuration.account import account_of
from billing_core.configuration.cli import app
from billing_core.settings import ROOT, Settings
from sandbox.control import SandboxControl
from tests.configuration.account import KEY, Account

FILE = (ROOT / "billing.toml").read_text(encoding="utf-8")
RAISED = FILE.replace(
    'pro_monthly = { currency = "usd", unit_amount = 4900',
    'pro_monthly = { currency = "usd", unit_amount = 5900',
)


class Desk:
    """Somebody at a terminal, with settings."""

    def __init__(self, folder: Path, url: str) -> None:
        self.file = folder / "billing.toml"
        self.variables = {
            "STRIPE_API_KEY": KEY,
            "STRIPE_API_BASE": url,
            "APP_URL": url,
            "BILLING_CONFIG": str(self.file),
        }
        self.says(FILE)

    def says(self, text: str) -> None:
        """Change the file; a file that was read once is not read again within a process."""
        self.file = self.file.with_name(f"{len(list(self.file.parent.glob('*.toml')))}.toml")
        self.file.write_text(text, encoding="utf-8")
        self.variables["BILLING_CONFIG"] = str(self.file)

    def run(
        self, *words: str, answer: str = "", ends: int = 0, more: Mapping[str, str] | None = None
    ) -> str:
        """Run the command to its end and give all that it printed."""
        bare = dict.fromkeys(name.upper() for name in Settings.model_fields)
        environment: dict[str, str | None] = {**bare, **self.variables, **(more or {})}
        result = CliRunner().invoke(app, list(words), input=answer, env=environment)
        structlog.reset_defaults()
        assert result.exit_code == ends, result.output
        assert KEY not in result.output
        return result.output


@pytest.fixture
def desk(tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Desk(folder, account.url)


@pytest.fixture
def seeded(desk: Desk, account: Account) -> Desk:
    account.apply()
    return desk


def test_an_account_in_step_needs_nothing_and_ends_well(seeded: Desk) -> None:
    assert "Nothing to do" in seeded.run("catalog", "plan", "--check")
    assert "Nothing to do" in seeded.run("portal", "plan", "--check")
    assert "Nothing to do" in seeded.run("catalog", "apply")


def test_a_plan_shows_old_and_new_and_only_a_check_ends_with_three(seeded: Desk) -> None:
    seeded.says(RAISED)
    told = seeded.run("catalog", "plan")
    assert "4900 ($49.00) -> 5900 ($59.00)" in told
    assert "stays as it is for whoever pays it" in told
    assert "1 to replace by a new price; 18 of 19" in told
    assert seeded.run("catalog", "plan", "--check", ends=3) == told


def test_apply_asks_and_a_no_changes_nothing(seeded: Desk, account: Account) -> None:
    seeded.says(RAISED)
    assert "Nothing was changed" in seeded.run("catalog", "apply", answer="n\n", ends=1)
    assert "Say --yes" in seeded.run("catalog", "apply", ends=2)
    [price] = account.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data
    assert price.unit_amount == 4900


def test_apply_names_the_retired_price_as_the_file_wants_it(seeded: Desk, account: Account) -> None:
    [old] = account.v1.prices.list({"lookup_keys": ["pro_monthly"]}).data
    before, pro, after = RAISED.partition("[plans.pro]")
    named = after.replace("retired_price_ids = []", 'retired_price_ids = ["price_2019"]', 1)
    seeded.says(before + pro + named)
    told = seeded.run("catalog", "apply", answer="y\n")
    assert f'[plans.pro]\n    retired_price_ids = ["price_2019", "{old.id}"]' in told
    assert "billing-config portal plan" in told
    told = seeded.run("portal", "plan", "--check", ends=3)
    assert f"-{old.id} +pro_monthly" in told
    seeded.run("portal", "apply", "--yes")
    seeded.run("portal", "plan", "--check")


def test_a_portal_before_its_catalogue_is_sent_back_to_it(desk: Desk) -> None:
    told = desk.run("portal", "apply", "--yes", ends=1)
    assert "billing-config catalog apply" in told
    assert "Nothing was changed" in told


def test_a_failure_on_the_way_tells_what_is_done_and_the_next_run_goes_on(
    desk: Desk, account: Account
) -> None:
    control = SandboxControl(account.url)
    control.fail_next(status=403, path="/v1/prices", method="POST", count=1)
    told = desk.run("catalog", "apply", "--yes", ends=1)
    assert "created product starter" in told
    assert "permissions" in told
    assert "1 of the steps are done" in told
    desk.run("catalog", "apply", "--yes")
    control.close()
    assert len(account.v1.products.list({"limit": 100}).data) == 4


@pytest.mark.parametrize(
    ("variables", "words", "ends"),
    [
        ({"STRIPE_API_KEY": ""}, "STRIPE_API_KEY is not set", 2),
        ({"STRIPE_API_KEY": "pk_test_51Public"}, "publishable key", 2),
        ({"STRIPE_API_KEY": "whsec_notAKey"}, "webhook signing secret", 2),
        ({"STRIPE_API_KEY": "hello"}, "does not look like a key", 2),
        ({"STRIPE_API_KEY": "rk_live_51Unknown"}, "may have been rolled", 1),
        ({"LIVEMODE": "true"}, "LIVEMODE says live mode, but STRIPE_API_KEY is of test mode", 2),
        ({"STRIPE_API_BASE": "http://127.0.0.1:9"}, "Stripe cannot be reached", 1),
        ({"BILLING_CONFIG": "/nowhere.toml"}, "BILLING_CONFIG", 2),
    ],
)
def test_what_is_wrong_with_the_settings_is_said_in_a_sentence(
    desk: Desk, variables: dict[str, str], words: str, ends: int
) -> None:
    told = desk.run("catalog", "apply", "--yes", ends=ends, more=variables)
    assert words in told
    assert "Traceback" not in told
    assert "51" not in told  # where the secret part of a key begins


def test_live_mode_is_only_changed_when_that_is_said(
    seeded: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def live(settings: Settings) -> StripeAccount:
        return replace(account_of(settings), where="Stripe (live mode)", live=True)

    monkeypatch.setattr(cli, "account_of", live)
    seeded.says(RAISED)
    assert "say --live" in seeded.run("catalog", "apply", "--yes", ends=2)
    assert "Apply this to Stripe (live mode)?" in seeded.run(
        "catalog", "apply", "--live", answer="y\n"
    )


def test_a_file_without_the_section_says_so(desk: Desk) -> None:
    desk.says("[plans.pro]\nname = 'Pro'\n")
    assert "has no [portal…] section" in desk.run("portal", "plan", ends=2)
