"""``POST /commands/audit``: what the console asks to have recorded, checked again here."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

import structlog
from pydantic import Field, TypeAdapter, ValidationError
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing_core.commands import (
    AuditRecorded,
    BeginAudit,
    Caller,
    CompleteAudit,
    DeniedAudit,
    verify_command,
)
from billing_core.errors import CommandTokenError
from billing_core.permissions import Permission, may
from webhook_listener import audit
from webhook_listener.apply import describe
from webhook_listener.audit import Entry
from webhook_listener.body import BodyTooLargeError, ClientGoneError, read_body
from webhook_listener.database import lock_audit
from webhook_listener.tables import AUDIT
from webhook_listener.writer import Writer

_MAX_BODY_BYTES = 64 * 1024
_LARGEST_AUDIT_ID = 2**31 - 1  # the column is a 32-bit integer
_AuditCommand = BeginAudit | CompleteAudit | DeniedAudit
_COMMAND: TypeAdapter[_AuditCommand] = TypeAdapter(
    Annotated[_AuditCommand, Field(discriminator="kind")]
)
_log = structlog.get_logger("webhook_listener.commands")


class RefusedCommandError(Exception):
    """A command that is not done: an HTTP status and a sentence for the person who asked."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class AuditEndpoint:
    """Records that a link is about to be minted, how that went, or that somebody was refused."""

    def __init__(self, command_key: str, writer: Writer) -> None:
        self._key = command_key
        self._writer = writer

    async def handle(self, request: Request) -> Response:
        """Check the token, the role and the body, then record."""
        try:
            body = await read_body(request.scope, request.receive, limit=_MAX_BODY_BYTES)
            caller = self._caller(request, body)
            command = _parse(body)
            work = self._writer.run(lambda connection: record(connection, caller, command))
            outcome = await asyncio.wrap_future(work)
        except BodyTooLargeError:
            return _refusal(413, "The command is too large. Nothing was recorded.")
        except ClientGoneError:
            return _refusal(408, "The command did not arrive in time. Nothing was recorded.")
        except RefusedCommandError as error:
            return _refusal(error.status, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was recorded
            _log.exception("command.not_recorded", cause=describe(error))
            return _refusal(503, "The command could not be recorded, so nothing was done. Retry.")
        if isinstance(outcome, RefusedCommandError):
            return _refusal(outcome.status, str(outcome))
        return JSONResponse(outcome.model_dump(), status_code=201)

    def _caller(self, request: Request, body: bytes) -> Caller:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise RefusedCommandError(401, "The command carries no token: sign in again.")
        try:
            return verify_command(self._key, token=token, path=request.url.path, body=body)
        except CommandTokenError as error:
            raise RefusedCommandError(401, str(error)) from None


def record(
    connection: Connection, caller: Caller, command: _AuditCommand
) -> AuditRecorded | RefusedCommandError:
    """Append what the command says, in the caller's transaction.

    A refusal for want of the right is returned, not raised, because it is recorded as well.
    """
    spent = select(AUDIT.c.audit_id).where(AUDIT.c.token_id == caller.token_id)
    lock_audit(connection)
    if connection.execute(spent).first() is not None:
        raise RefusedCommandError(409, "This command was already recorded. Nothing was repeated.")
    match command:
        case BeginAudit():
            return _begin(connection, caller, command)
        case CompleteAudit():
            return _complete(connection, caller, command)
        case DeniedAudit():
            entry = replace(
                _entry(caller, command.action, "denied"),
                org_id=command.org_id,
                destination=command.destination,
            )
            return AuditRecorded(audit_id=audit.append(connection, entry))


def _begin(
    connection: Connection, caller: Caller, command: BeginAudit
) -> AuditRecorded | RefusedCommandError:
    allowed = may(caller.roles, Permission.MINT_LINKS)
    entry = replace(
        _entry(caller, command.action, "begun" if allowed else "denied"),
        org_id=command.org_id,
        destination=command.destination,
        subscription_id=command.subscription_id,
        reason=command.reason,
    )
    audit_id = audit.append(connection, entry)
    if not allowed:
        return RefusedCommandError(
            403, "Your role may not make links. The attempt was recorded in the audit log."
        )
    return AuditRecorded(audit_id=audit_id)


def _complete(
    connection: Connection, caller: Caller, command: CompleteAudit
) -> AuditRecorded | RefusedCommandError:
    begun = None
    if 0 < command.audit_id <= _LARGEST_AUDIT_ID:
        waiting = select(AUDIT).where(
            AUDIT.c.audit_id == command.audit_id, AUDIT.c.outcome == "begun"
        )
        begun = connection.execute(waiting).mappings().first()
    if begun is None:
        raise RefusedCommandError(422, "audit_id names no entry that waits for its outcome.")
    entry = replace(
        _entry(caller, begun["action"], command.outcome),
        org_id=begun["org_id"],
        destination=begun["destination"],
        subscription_id=begun["subscription_id"],
        follows=command.audit_id,
        detail=command.detail,
    )
    if begun["actor"] != caller.username:
        audit.append(connection, replace(entry, outcome="denied"))
        return RefusedCommandError(
            403, "Somebody else began this. The attempt was recorded in the audit log."
        )
    follower = select(AUDIT.c.audit_id).where(
        AUDIT.c.follows == command.audit_id, AUDIT.c.outcome != "denied"
    )
    if connection.execute(follower).first() is not None:
        raise RefusedCommandError(409, "This entry has its outcome already. Nothing was changed.")
    return AuditRecorded(audit_id=audit.append(connection, entry))


def _entry(caller: Caller, action: str, outcome: str) -> Entry:
    return Entry(
        at=datetime.now(UTC),
        actor=caller.username,
        role=caller.role_names,
        action=action,
        outcome=outcome,
        token_id=caller.token_id,
    )


def _parse(body: bytes) -> _AuditCommand:
    try:
        command = _COMMAND.validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in fault["loc"][1:]) or "kind"
        raise RefusedCommandError(422, f"{field}: {fault['msg']}. Nothing was recorded.") from None
    for name, value in command.model_dump().items():
        _refuse_unstorable(name, value)
    return command


def _refuse_unstorable(name: str, value: Any) -> None:  # noqa: ANN401 - a field of any type
    if not isinstance(value, str):
        return
    if "\x00" in value:
        raise RefusedCommandError(422, f"{name}: it holds a character that cannot be stored.")
    if name == "reason" and len(value.strip()) < 3:
        raise RefusedCommandError(422, "reason: give a reason or a ticket number.")


def _refusal(status: int, sentence: str) -> Response:
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = "5"
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)
