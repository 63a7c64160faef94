"""The mark of a benchmark's database, and the refusal to write into any other.

Every made-up organization also has ``bench`` in its ids and in its e-mail address.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, delete, insert, make_url, select, update
from sqlmodel import SQLModel

import billing_core.tables  # noqa: F401 - fills the metadata

_NAME = "benchmark"
_STATE = SQLModel.metadata.tables["listener_state"]
_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Size:
    """How large a company is made up; ``orgs`` is a multiple of ``template``."""

    orgs: int
    template: int

    @property
    def copies(self) -> int:
        """How often the template is in the database, itself included."""
        return self.orgs // self.template


def is_complete(engine: Engine, size: Size) -> bool:
    """Whether the database holds a whole benchmark of this size already.

    Raises SystemExit with a sentence where it holds anything else.
    """
    with engine.connect() as connection:
        mark = connection.execute(select(_STATE.c.value).where(_STATE.c.name == _NAME)).scalar()
        if mark is None:
            _refuse_foreign_rows(connection)
            return False
    if mark == {**asdict(size), "whole": True}:
        return True
    raise SystemExit(
        f"{engine.url.render_as_string()} holds a benchmark of another size, or half of one."
        " Nothing was written. Remove it, or name another folder."
    )


def held(engine: Engine) -> Size | None:
    """The size of the whole benchmark that the database holds, if it holds one."""
    with engine.connect() as connection:
        mark = connection.execute(select(_STATE.c.value).where(_STATE.c.name == _NAME)).scalar()
    return Size(mark["orgs"], mark["template"]) if mark is not None and mark["whole"] else None


def begin(engine: Engine, size: Size) -> None:
    """Mark the database before anything else is written."""
    value = {**asdict(size), "whole": False}
    with engine.begin() as connection:
        connection.execute(delete(_STATE).where(_STATE.c.name == _NAME))
        connection.execute(
            insert(_STATE), {"name": _NAME, "value": value, "updated_at": datetime.now(UTC)}
        )


def finish(engine: Engine, size: Size) -> None:
    """The database holds all that was asked for."""
    value = {**asdict(size), "whole": True}
    with engine.begin() as connection:
        connection.execute(update(_STATE).where(_STATE.c.name == _NAME).values(value=value))


def refuse_another_machine(database_url: str) -> None:
    """Raises SystemExit for anything but a file, a socket's folder or the loopback."""
    url = make_url(database_url)
    named = url.query.get("host", ())
    hosts = [url.host, *((named,) if isinstance(named, str) else named)]
    if any(host and host not in _LOCAL and not host.startswith("/") for host in hosts):
        raise SystemExit("A benchmark is written on this machine only. Nothing was written.")


def _refuse_foreign_rows(connection: Connection) -> None:
    for table in SQLModel.metadata.sorted_tables:
        if connection.execute(select(1).select_from(table).limit(1)).first() is not None:
            raise SystemExit(
                f"The table {table.name} holds rows that no benchmark wrote, so this is somebody's"
                " database. Nothing was written."
            )
