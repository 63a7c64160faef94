"""What every command from the console goes through: its token, its body, and the audit log."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import structlog
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing_core.commands import Caller, verify_command
from billing_core.errors import CommandTokenError
from webhook_listener.apply import describe
from webhook_listener.audit import Entry
from webhook_listener.body import BodyTooLargeError, ClientGoneError, read_body
from webhook_listener.database import lock_audit
from webhook_listener.refused_commands import RefusedCommands
from webhook_listener.tables import AUDIT
from webhook_listener.writer import Writer

_MAX_BODY_BYTES = 64 * 1024
_RETRY_AFTER = {429: "300", 503: "5"}
_log = structlog.get_logger("webhook_listener.commands")

C = TypeVar("C", bound=BaseModel)


_CODES = {401: "token_not_valid", 409: "not_possible_now", 422: "makes_no_sense"}


class RefusedCommandError(Exception):
    """A command that is not done: an HTTP status and a sentence for the person who asked.

    ``code`` is what the audit log says of it.
    """

    def __init__(self, status: int, sentence: str, code: str | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code or _CODES.get(status, "refused")


class CommandEndpoint(Generic[C]):
    """A route for commands of one kind.

    ``record`` does a command in the writer's transaction. It raises RefusedCommandError where
    nothing of it is to be kept, and returns one where it has recorded the refusal itself. ``then`` begins
    what has to follow, once the command is on disk.
    """

    def __init__(
        self,
        command_key: str,
        writer: Writer,
        commands: TypeAdapter[C],
        record: Callable[[Connection, Caller, C], BaseModel | RefusedCommandError],
        then: Callable[[Caller, C, BaseModel], None] | None = None,
    ) -> None:
        self._key = command_key
        self._writer = writer
        self._commands = commands
        self._record = record
        self._then = then
        self._refused = RefusedCommands(writer)

    async def handle(self, request: Request) -> Response:
        """Check the token and the body, then record."""
        caller: Caller | None = None
        command: C | None = None
        try:
            body = await read_body(request.scope, request.receive, limit=_MAX_BODY_BYTES)
            caller = self._caller(request, body)
            command = self._parse(body)
            outcome = await asyncio.wrap_future(self._done(caller, command))
        except BodyTooLargeError:
            return _refusal(413, "The command is too large. Nothing was recorded.")
        except ClientGoneError:
            return _refusal(408, "The command did not arrive in time. Nothing was recorded.")
        except RefusedCommandError as error:
            asked = (getattr(command, "org_id", None), getattr(command, "destination", None))
            await self._refused.note(caller, error.code, *asked)
            return _refusal(error.status, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was recorded
            _log.exception("command.not_recorded", cause=describe(error))
            return _refusal(503, "The command could not be recorded, so nothing was done. Retry.")
        if isinstance(outcome, RefusedCommandError):
            return _refusal(outcome.status, str(outcome))
        if self._then is not None:
            self._then(caller, command, outcome)
        return JSONResponse(
            outcome.model_dump(mode="json"), status_code=201, headers={"Cache-Control": "no-store"}
        )

    def _done(self, caller: Caller, command: C) -> "Future[BaseModel | RefusedCommandError]":
        return self._writer.run(lambda connection: self._record(connection, caller, command))

    def _caller(self, request: Request, body: bytes) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            sentence = "The command carries no token: sign in again."
            raise RefusedCommandError(401, sentence, "token_missing")
        try:
            return verify_command(self._key, token=token, path=request.url.path, body=body)
        except CommandTokenError as error:
            raise RefusedCommandError(401, str(error)) from None

    def _parse(self, body: bytes) -> C:
        try:
            command = self._commands.validate_json(body)
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            field = ".".join(str(part) for part in fault["loc"][1:]) or "kind"
            raise RefusedCommandError(422, f"{field}: {fault['msg']}. Nothing was done.") from None
        for name, value in command.model_dump().items():
            _refuse_unstorable(name, value)
        return command


def spend_token(connection: Connection, caller: Caller) -> None:
    """Hold the audit log, and raise RefusedCommandError 409 if the caller's token was used."""
    lock_audit(connection)
    spent = select(AUDIT.c.audit_id).where(AUDIT.c.token_id == caller.token_id)
    if connection.execute(spent).first() is not None:
        sentence = "This command was already recorded. Nothing was repeated."
        raise RefusedCommandError(409, sentence, "token_repeated")


def entry_of(caller: Caller, action: str, outcome: str) -> Entry:
    """A line of the audit log about what ``caller`` does now."""
    return Entry(
        at=datetime.now(UTC),
        actor=caller.username,
        role=caller.role_names,
        action=action,
        outcome=outcome,
        token_id=caller.token_id,
    )


def _refuse_unstorable(name: str, value: Any) -> None:  # noqa: ANN401 - a field of any type
    if not isinstance(value, str):
        return
    if "\x00" in value:
        raise RefusedCommandError(422, f"{name}: it holds a character that cannot be stored.")
    if name == "reason" and len(value.strip()) < 3:
        raise RefusedCommandError(422, "reason: give a reason or a ticket number.")


def _refusal(status: int, sentence: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in _RETRY_AFTER:
        headers["Retry-After"] = _RETRY_AFTER[status]
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)
