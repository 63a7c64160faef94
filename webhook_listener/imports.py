"""Organizations brought in from a CSV file before they have a Stripe customer."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, Engine, func

from billing_core.entitlement import NO_SUBSCRIPTION
from webhook_listener.database import projecting_transaction
from webhook_listener.errors import ImportFileError
from webhook_listener.tables import ENTITLEMENTS, ORGANIZATIONS
from webhook_listener.upsert import insert

_COLUMNS = ("org_id", "name", "email")
_LONGEST = 255
_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class ImportedOrganization:
    """One line of the file; empty cells are None."""

    org_id: str
    name: str | None
    email: str | None


def import_organizations(engine: Engine, path: Path, *, now: datetime) -> int:
    """Write the orgs of a CSV file with the columns org_id, name and email; how many it has.

    What Stripe has said about an org stays. Raises ImportFileError naming the line of the first
    row that cannot be used, before anything is written.
    """
    seen: set[str] = set()
    for line, organization in _read(path):
        if organization.org_id in seen:
            raise ImportFileError(
                f"Line {line}: the org {organization.org_id} is in the file twice."
                " Nothing was written."
            )
        seen.add(organization.org_id)
    organizations = (organization for _, organization in _read(path))
    while chunk := list(islice(organizations, _CHUNK)):
        with projecting_transaction(engine, durable=True) as connection:
            _write(connection, chunk, now)
    return len(seen)


def _read(path: Path) -> Iterator[tuple[int, ImportedOrganization]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file, strict=True)
            missing = [name for name in _COLUMNS if name not in (lines.fieldnames or ())]
            if missing:
                raise ImportFileError(
                    f"The first line must name the columns org_id,name,email; {missing[0]} is"
                    " missing. Nothing was written."
                )
            for row in lines:
                yield lines.line_num, _organization(lines.line_num, row)
    except OSError as error:
        raise ImportFileError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ImportFileError(f"{path} is not UTF-8 text. Nothing was written.") from None
    except csv.Error as error:
        raise ImportFileError(
            f"Line {lines.line_num}: this is not CSV ({error}). Nothing was written."
        ) from None


def _organization(line: int, row: dict[str, str | None]) -> ImportedOrganization:
    cells = {name: (row[name] or "").strip() for name in _COLUMNS}
    fault = None
    if None in row:
        fault = "it has more cells than the first line has columns"
    elif not cells["org_id"]:
        fault = "org_id is empty"
    for name, cell in cells.items():
        if len(cell) > _LONGEST or "\x00" in cell:
            fault = f"{name} is longer than {_LONGEST} characters or cannot be stored"
    if fault is not None:
        raise ImportFileError(f"Line {line}: {fault}. Nothing was written.")
    return ImportedOrganization(cells["org_id"], cells["name"] or None, cells["email"] or None)


def _write(connection: Connection, chunk: list[ImportedOrganization], now: datetime) -> None:
    columns = ORGANIZATIONS.c
    statement = insert(connection, ORGANIZATIONS)
    statement = statement.on_conflict_do_update(
        index_elements=["org_id"],
        set_={
            "name": func.coalesce(columns.name, statement.excluded.name),
            "email": func.coalesce(columns.email, statement.excluded.email),
            "imported_at": func.coalesce(columns.imported_at, statement.excluded.imported_at),
        },
    )
    connection.execute(
        statement,
        [
            {"org_id": one.org_id, "name": one.name, "email": one.email, "imported_at": now}
            for one in chunk
        ],
    )
    connection.execute(
        insert(connection, ENTITLEMENTS).on_conflict_do_nothing(),
        [
            {
                "org_id": one.org_id,
                "status": NO_SUBSCRIPTION,
                "has_access": False,
                "cancel_at_period_end": False,
                "updated_at": now,
                "revision": 1,
                "interval_count": 1,
            }
            for one in chunk
        ],
    )
