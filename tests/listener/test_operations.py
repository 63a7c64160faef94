"""The commands of whoever runs the listener, each run as a person would."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from tests.support.databases import PostgreSQL, fresh_postgresql
from tests.support.forked import installed
from tests.support.listener import Listener, reading, run_command
from tests.support.stripe_events import event, price, subscription, unique
from webhook_listener import schema

TABLES = ("subscriptions", "plan_entitlements", "entitlement_changes", "organizations", "prices")


def everything(database_url: str, *tables: str) -> dict[str, list[tuple[object, ...]]]:
    with reading(database_url) as rows:
        return {table: sorted(rows(f"SELECT * FROM {table}"), key=repr) for table in tables}


def life(*, start: int = 1_790_000_000) -> list[dict[str, object]]:
    """A subscription that starts, is set to end, is saved, and ends."""
    subscription_id, customer_id = unique("sub"), unique("cus")
    active = subscription(subscription_id, customer_id)
    leaving = {**active, "cancel_at": 1_790_000_000, "canceled_at": start + 10}
    kept = {"cancel_at": None, "canceled_at": None}
    left = {"cancel_at": 1_790_000_000, "canceled_at": start + 10}
    ended = {**active, "status": "canceled", "ended_at": start + 30}
    updated = "customer.subscription.updated"
    return [
        event("customer.subscription.created", active, created=start),
        event(updated, leaving, previous=kept, created=start + 10),
        event(updated, active, previous=left, created=start + 20),
        event("customer.subscription.deleted", ended, created=start + 30),
    ]


@pytest.fixture
def filled(start: Callable[..., Listener], database_url: str) -> Listener:
    """A stopped listener's database with two lives, a stranger's event and one that is parked."""
    running = start()
    unreadable = event("customer.subscription.updated", {"id": unique("sub"), "status": ["active"]})
    foreign = event("customer.subscription.created", subscription("sub_f", "cus_f"), livemode=True)
    for sent in (*life(), *reversed(life()), unreadable, foreign):
        assert running.post(sent).status_code == 200
    running.settle()
    running.stop()
    return running


def test_replaying_everything_changes_no_row(filled: Listener) -> None:
    url = filled.database_url
    before = everything(url, *TABLES, "event_rollups")
    with reading(url) as rows:
        outcomes = rows("SELECT event_id, outcome, applied_at FROM webhook_events ORDER BY 1")
    replayed = run_command(url, "replay", "--since", "2020-01-01")
    assert replayed.returncode == 0, replayed.stderr
    assert replayed.stdout.endswith("10 events replayed, 0 with another outcome than before.\n")
    assert everything(url, *TABLES, "event_rollups") == before
    with reading(url) as rows:
        again = rows("SELECT event_id, outcome, applied_at FROM webhook_events ORDER BY 1")
    assert again == outcomes


def test_a_parked_event_is_applied_by_replay_once_its_cause_is_gone(
    filled: Listener, engine: Engine
) -> None:
    """The cause is mended here by giving the stored payload a shape that can be read."""
    import zlib

    import orjson

    url = filled.database_url
    with engine.begin() as connection:
        event_id, body = connection.exec_driver_sql(
            "SELECT p.event_id, p.body FROM webhook_payloads p JOIN webhook_events e"
            " ON e.event_id = p.event_id WHERE e.outcome = 'parked'"
        ).one()
        payload = orjson.loads(zlib.decompress(body))
        payload["data"]["object"] = subscription(payload["data"]["object"]["id"], unique("cus"))
        payloads = "UPDATE webhook_payloads SET body = {} WHERE event_id = {}"
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        mended = zlib.compress(orjson.dumps(payload))
        connection.exec_driver_sql(payloads.format(mark, mark), (mended, event_id))

    before = everything(url, *TABLES, "webhook_events", "event_rollups")
    trial = run_command(url, "replay", "--parked", "--dry-run")
    assert f"{event_id} customer.subscription.updated: parked -> applied" in trial.stdout
    assert everything(url, *TABLES, "webhook_events", "event_rollups") == before

    assert run_command(url, "replay", "--parked").returncode == 0
    with reading(url) as rows:
        outcome = "SELECT outcome, error FROM webhook_events WHERE event_id = :i"
        assert rows(outcome, i=event_id) == [("applied", None)]
        counted = "SELECT sum(events) FROM event_rollups WHERE outcome = 'parked' AND events <> 0"
        assert rows(counted) == [(None,)]


def test_a_strangers_event_stays_ignored_when_replayed(filled: Listener) -> None:
    with reading(filled.database_url) as rows:
        [(event_id,)] = rows("SELECT event_id FROM webhook_events WHERE livemode")
    told = run_command(filled.database_url, "replay", event_id)
    assert "ignored -> ignored (The event is from live mode" in told.stdout
    with reading(filled.database_url) as rows:
        assert rows("SELECT count(*) FROM subscriptions WHERE subscription_id = 'sub_f'") == [(0,)]


def test_replay_says_what_it_needs(filled: Listener) -> None:
    unknown = run_command(filled.database_url, "replay", "evt_unknown")
    assert unknown.returncode == 1
    assert unknown.stderr == "evt_unknown is not in the inbox, so nothing was replayed.\n"
    assert run_command(filled.database_url, "replay").returncode == 2


def test_reproject_follows_billing_toml_and_then_changes_nothing(
    start: Callable[..., Listener], database_url: str, tmp_path: Path
) -> None:
    running = start()
    odd = price("price_x", lookup_key="gold_monthly")
    sub = subscription(unique("sub"), unique("cus"), prices=(odd,))
    running.post(event("customer.subscription.created", sub))
    running.settle()
    config = tmp_path / "billing.toml"
    config.write_text('[plans.gold]\nname = "Gold"\nlookup_keys = ["gold_monthly"]\n')
    before = everything(database_url, *TABLES)

    trial = run_command(database_url, "reproject", "--dry-run", BILLING_CONFIG=str(config))
    assert trial.returncode == 0, trial.stderr
    assert "1 entitlements would change." in trial.stdout
    assert everything(database_url, *TABLES) == before

    done = run_command(database_url, "reproject", BILLING_CONFIG=str(config))
    assert "1 entitlements changed." in done.stdout
    with reading(database_url) as rows:
        assert rows("SELECT plan FROM plan_entitlements") == [("gold",)]
    again = run_command(database_url, "reproject", BILLING_CONFIG=str(config))
    assert "0 subscriptions and 0 entitlements changed." in again.stdout


def write_csv(path: Path, *lines: tuple[str, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    return path


def test_imported_orgs_have_no_plan_until_stripe_says_otherwise(
    start: Callable[..., Listener], database_url: str, tmp_path: Path
) -> None:
    running = start()
    known = {
        "id": unique("cus"),
        "object": "customer",
        "name": "Stripe's name",
        "email": None,
        "metadata": {"org_id": "org_1"},
        "created": 1_700_000_000,
    }
    running.post(event("customer.created", known))
    running.settle()
    file = write_csv(
        tmp_path / "orgs.csv",
        ("org_id", "name", "email"),
        ("org_1", "Our name", "one@example.com"),
        ("org_2", "Zażółć, Ltd", ""),
    )
    done = run_command(database_url, "orgs", "import", str(file))
    assert done.stdout == "2 organizations are in.\n"
    assert run_command(database_url, "orgs", "import", str(file)).returncode == 0
    with reading(database_url) as rows:
        assert rows("SELECT org_id, name, email FROM organizations ORDER BY 1") == [
            ("org_1", "Stripe's name", "one@example.com"),
            ("org_2", "Zażółć, Ltd", None),
        ]
        assert rows(
            "SELECT org_id, status, has_access, plan FROM plan_entitlements ORDER BY 1"
        ) == [
            ("org_1", "none", False, None),
            ("org_2", "none", False, None),
        ]


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([("org_id", "name", "email"), ("a", "b", "c"), ("", "x", "y")], "Line 3: org_id is empty"),
        (
            [("org_id", "name", "email"), ("a", "b", "c"), ("a", "x", "y")],
            "Line 3: the org a is in",
        ),
        ([("org_id", "name", "email"), ("a", "b" * 300, "c")], "Line 2: name is longer"),
        ([("org_id", "name", "email"), ("a", "b", "c", "d")], "Line 2: it has more cells"),
        ([("org_id", "name"), ("a", "b")], "email is missing"),
        ([], "missing"),
    ],
)
def test_one_bad_line_writes_nothing_and_is_named(
    database_url: str, tmp_path: Path, lines: list[tuple[str, ...]], word: str
) -> None:
    done = run_command(
        database_url, "orgs", "import", str(write_csv(tmp_path / "orgs.csv", *lines))
    )
    assert done.returncode == 1
    assert word in done.stderr
    assert "Traceback" not in done.stderr
    with reading(database_url) as rows:
        assert rows("SELECT count(*) FROM organizations") == [(0,)]


def test_prune_keeps_entitlements_changes_and_what_still_has_something_to_say(
    filled: Listener, engine: Engine
) -> None:
    url = filled.database_url
    long_ago = datetime.now(UTC) - timedelta(days=40)
    mark = "?" if engine.dialect.name == "sqlite" else "%s"
    at = long_ago.replace(tzinfo=None) if mark == "?" else long_ago
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE webhook_events SET received_at = {mark}",
            (at.isoformat(" ") if mark == "?" else at,),
        )
    before = everything(url, *TABLES, "event_rollups", "audit_log")
    done = run_command(url, "prune", "--older-than", "30")
    assert done.stdout == "7 events were removed.\n"
    assert everything(url, *TABLES, "event_rollups", "audit_log") == before
    with reading(url) as rows:
        deciding = "SELECT event_id FROM subscriptions"
        kept = f"SELECT event_id FROM webhook_events WHERE event_id NOT IN ({deciding})"
        assert rows(f"SELECT outcome FROM ({kept}) AS k JOIN webhook_events USING (event_id)") == [
            ("parked",)
        ]
        assert rows("SELECT count(*) FROM webhook_events") == [(3,)]
        assert rows("SELECT count(*) FROM webhook_payloads") == [(3,)]
    assert run_command(url, "prune", "--older-than", "30").stdout == "0 events were removed.\n"
    assert run_command(url, "prune", "--older-than", "0").returncode == 2


def test_an_unmigrated_postgresql_is_refused_with_the_command_to_run(
    postgresql_server: PostgreSQL,
) -> None:
    url = fresh_postgresql(postgresql_server, migrated=False)
    refused = run_command(url, "serve", "--port", "0")
    assert refused.returncode == 1
    assert "billing-listener migrate" in refused.stderr
    assert run_command(url, "migrate").stdout == f"The schema is at version {schema.head()}.\n"
    assert run_command(url, "migrate", "--down", "base").stdout == (
        "The schema is at version none.\n"
    )


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_granted_roles_can_do_what_they_must_and_no_more(
    database_url: str, postgresql_server: PostgreSQL, tmp_path: Path
) -> None:
    reader, writer = f'{unique("Reader")}"; %s', unique("writer")
    granted = run_command(database_url, "migrate", "--grant", reader, "--grant-writer", writer)
    assert granted.returncode == 0, granted.stderr
    assert run_command(database_url, "migrate", "--grant", reader).returncode == 0

    database = str(make_url(database_url).database)
    conninfo = psycopg.conninfo.make_conninfo(
        dbname=database, user=reader, host=postgresql_server.socket_folder
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for table in ("audit_log", "webhook_events", "plan_entitlements"):
            connection.execute(f"SELECT * FROM {table}".encode())
        for statement in (
            "INSERT INTO listener_state VALUES ('a', '{}', now())",
            "UPDATE plan_entitlements SET has_access = true",
            "DELETE FROM audit_log",
            "TRUNCATE audit_log",
            "CREATE TABLE x (y int)",
            "CREATE TEMPORARY TABLE x (y int)",
            "DROP TABLE audit_log",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())

    running = Listener(postgresql_server.url(database, writer), tmp_path / "writer.log")
    try:
        for sent in life():
            assert running.post(sent).status_code == 200
        running.settle()
    finally:
        running.stop()
    assert run_command(
        postgresql_server.url(database, writer), "migrate", "--down", "base"
    ).returncode


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_roles_are_refused_on_sqlite(database_url: str) -> None:
    refused = run_command(database_url, "migrate", "--grant", "reader")
    assert refused.returncode == 2
    assert "SQLite, which has no roles" in refused.stderr


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
        ({"STRIPE_WEBHOOK_SECRET": "whsec_short"}, "STRIPE_WEBHOOK_SECRET"),
        ({"COMMAND_SECRET": ""}, "COMMAND_SECRET"),
        ({"COMMAND_SECRET": "change-me-change-me-change-me-change-me"}, "COMMAND_SECRET"),
        ({"DATABASE_URL": "mysql://x/y"}, "DATABASE_URL"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL"),
        ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL"),
        ({"BILLING_CONFIG": "/nowhere/billing.toml"}, "BILLING_CONFIG"),
        ({"LISTENER_PORT": "http"}, "LISTENER_PORT"),
        ({"ALERT_WEBHOOK_URL": "hooks.example/x"}, "ALERT_WEBHOOK_URL"),
        ({"ALERT_SMTP_HOST": "mail.example"}, "ALERT_EMAIL_TO"),
        ({"ALERT_SMTP_PORT": "mail"}, "ALERT_SMTP_PORT"),
        ({"ALERT_SMTP_SECURITY": "some"}, "ALERT_SMTP_SECURITY"),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_bad_setting_stops_the_start_with_its_name(
    database_url: str, change: dict[str, str], word: str
) -> None:
    refused = run_command(database_url, "serve", **{"LISTENER_PORT": "0", **change})
    assert refused.returncode == 2
    assert word in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_taken_port_is_named_with_the_variable_that_changes_it(
    start: Callable[..., Listener], database_url: str
) -> None:
    port = start().url.rsplit(":", 1)[1]
    refused = run_command(database_url, "serve", LISTENER_PORT=port)
    assert refused.returncode == 1
    assert port in refused.stderr
    assert "LISTENER_PORT" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_missing_folder_is_made_and_the_schema_with_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a folder/deeper/billing.sqlite3"
    with installed():
        running = Listener(url, tmp_path / "log")
    assert running.post(life()[0]).status_code == 200
    assert running.stop() == 0
