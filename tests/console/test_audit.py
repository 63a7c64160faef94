"""The audit log's page and its file: who did what, how it went, and what they are narrowed to."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from billing_core import queries
from billing_core.database import reader
from billing_core.queries import AuditFilters
from billing_core.queries.audit import every_audit_entry
from console.audit_list import audit_export
from console.exporting import as_csv
from tests.console.watching import Desk, desk, visible
from tests.core.company import Company

NOW = datetime.now(UTC)


def _audit() -> None:
    from console.pages.audit import page

    page()


@dataclass
class Log:
    """An audit log that a test writes."""

    company: Company
    numbers: Iterator[int]

    def write(self, action: str, outcome: str, **more: object) -> int:
        number = next(self.numbers)
        fields = {"actor": "jane", "role": "support", "at": NOW, "org_id": "org_acme"}
        hashes = {"previous_hash": "", "hash": ""}
        entry = {"audit_id": number, "action": action, "outcome": outcome}
        self.company.add("audit_log", **fields | hashes | entry | more)
        return number

    def numbers_of(self, **filters: object) -> list[int]:
        """The entries that a filter finds, newest first."""
        chosen = AuditFilters(**filters)  # type: ignore[arg-type]
        with self.company.reader.connect() as connection:
            return [row.audit_id for row in every_audit_entry(connection, chosen, at_once=2)]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    url = f"sqlite:///{tmp_path / 'billing.sqlite3'}"
    engine = create_engine(url)
    SQLModel.metadata.create_all(engine)
    return Log(Company(engine, reader(url)), count(1))


@pytest.fixture
def at_desk(log: Log, monkeypatch: pytest.MonkeyPatch) -> Desk:
    sitting = desk(monkeypatch, log.company.reader)
    sitting.sit("admin")
    return sitting


def test_entries_are_found_by_how_they_went(log: Log) -> None:
    """What was begun counts by its end; what never ended, or only was denied, by itself."""
    minted = log.write("portal_link.mint", "begun", destination="Billing home")
    refused = log.write("portal_link.mint", "begun")
    log.write("portal_link.mint", "refused", follows=refused, detail="no_customer")
    log.write("portal_link.mint", "minted", follows=minted)
    lost = log.write("portal_link.mint", "begun")
    meddling = log.write("portal_link.mint", "denied", follows=lost, actor="mallory")
    created = log.write("support_link.create", "created", link_id="link_1")
    denied = log.write("support_link.create", "denied", actor="fin")
    assert log.numbers_of() == [denied, created, meddling, lost, refused, minted]
    for outcome, numbers in (
        ("minted", [minted]),
        ("refused", [refused]),
        ("begun", [lost]),
        ("denied", [denied, meddling]),
        ("created", [created]),
        ("revoked", []),
    ):
        assert log.numbers_of(outcome=outcome) == numbers, outcome
    assert log.numbers_of(actor="mallory") == [meddling]
    assert log.numbers_of(actor="jane", outcome="denied") == []
    assert log.numbers_of(action="support_link.create") == [denied, created]
    assert log.numbers_of(link_id="link_1") == [created]
    with log.company.reader.connect() as connection:
        shown = queries.audit_entries(connection, AuditFilters(outcome="refused")).rows[0]
    assert (shown.outcome, shown.completed, shown.detail) == ("begun", "refused", "no_customer")


def test_entries_are_found_by_when_they_were(log: Log) -> None:
    old = log.write("support_link.create", "created", at=NOW - timedelta(days=40))
    new = log.write("support_link.create", "created")
    assert log.numbers_of(since=NOW - timedelta(days=30)) == [new]
    assert log.numbers_of(until=NOW - timedelta(days=30)) == [old]


def test_the_page_is_narrowed_by_its_address(log: Log, at_desk: Desk) -> None:
    log.write("support_link.create", "created", reason="T-1", link_id="link_1")
    log.write("support_link.create", "denied", actor="fin", reason="T-2")
    log.write("user.add", "done", org_id=None, destination="newcomer", reason="T-3")
    log.write("portal_link.mint", "begun", at=NOW - timedelta(days=40), reason="T-4")
    everything = visible(at_desk.open(_audit))
    assert all(reason in everything for reason in ("T-1", "T-2", "T-3", "T-4"))
    for query, reasons in (
        ({"outcome": "denied"}, {"T-2"}),
        ({"action": "user.add"}, {"T-3"}),
        ({"days": "30"}, {"T-1", "T-2", "T-3"}),
        ({"actor": "FIN"}, {"T-2"}),
        ({"link": "link_1"}, {"T-1"}),
        ({"org": "org_acme", "days": "7", "outcome": "created"}, {"T-1"}),
        ({"outcome": "nonsense"}, {"T-1", "T-2", "T-3", "T-4"}),
    ):
        told = visible(at_desk.open(_audit, **query))
        assert {each for each in ("T-1", "T-2", "T-3", "T-4") if each in told} == reasons, query
    nothing = visible(at_desk.open(_audit, org="org_nobody"))
    assert "Nothing that was recorded matches." in nothing


def test_whatever_made_a_link_went_well(log: Log, at_desk: Desk) -> None:
    log.write("support_link.create", "created")
    log.write("support_link.extend", "extended")
    log.write("support_link.create", "denied")
    shown = "".join(element.proto.body for element in at_desk.open(_audit).get("html"))
    badges = re.findall('<span class="bc-badge bc-([a-z]+)">([A-Za-z ]+)</span>', shown)
    assert set(badges) == {("good", "Created"), ("good", "Extended"), ("bad", "Denied")}


def test_the_file_holds_every_entry_that_matches_and_no_formula(log: Log) -> None:
    for number in range(60):
        log.write("support_link.create", "created", reason=f"T-{number}")
    log.write("support_link.create", "denied", actor="fin", reason='=HYPERLINK("http://x","y")')

    def lines(filters: AuditFilters) -> list[list[str]]:
        content = as_csv(audit_export(filters)).decode("utf-8-sig")
        return list(csv.reader(io.StringIO(content)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("console.data._reader", lambda: log.company.reader)
        heading, first, *others = lines(AuditFilters())
        [_, only] = lines(AuditFilters(outcome="denied"))
    assert heading[:6] == ["Number", "When (UTC)", "Who", "Role", "Action", "Outcome"]
    assert len(others) == 60
    assert first == only
    assert first[heading.index("Reason")].startswith("'=HYPERLINK")
