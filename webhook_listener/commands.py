"""``POST /commands/audit``: what the console asks to have recorded, checked again here."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field, TypeAdapter
from sqlalchemy import Connection, select

from billing_core.commands import (
    AuditRecorded,
    BeginAudit,
    Caller,
    CompleteAudit,
    DeniedAudit,
    UserChange,
)
from billing_core.permissions import Permission, may
from webhook_listener import audit
from webhook_listener.command_endpoint import (
    CommandEndpoint,
    RefusedCommandError,
    entry_of,
    spend_token,
)
from webhook_listener.tables import AUDIT
from webhook_listener.writer import Writer

_LARGEST_AUDIT_ID = 2**31 - 1  # the column is a 32-bit integer
_AuditCommand = BeginAudit | CompleteAudit | DeniedAudit | UserChange
_COMMANDS: TypeAdapter[_AuditCommand] = TypeAdapter(
    Annotated[_AuditCommand, Field(discriminator="kind")]
)


def audit_endpoint(command_key: str, writer: Writer) -> CommandEndpoint[_AuditCommand]:
    """Records that a link is about to be minted or a user changed, how that went, or a refusal."""
    return CommandEndpoint(command_key, writer, _COMMANDS, record)


def record(
    connection: Connection, caller: Caller, command: _AuditCommand
) -> AuditRecorded | RefusedCommandError:
    """Append what the command says, in the caller's transaction.

    A refusal for want of the right is returned, not raised, because it is recorded as well.
    """
    spend_token(connection, caller)
    match command:
        case BeginAudit():
            return _begin(connection, caller, command)
        case CompleteAudit():
            return _complete(connection, caller, command)
        case DeniedAudit():
            entry = replace(
                entry_of(caller, command.action, "denied"),
                org_id=command.org_id,
                destination=command.destination,
            )
            return AuditRecorded(audit_id=audit.append(connection, entry))
        case UserChange():
            return _begin_user_change(connection, caller, command)


def _begin(
    connection: Connection, caller: Caller, command: BeginAudit
) -> AuditRecorded | RefusedCommandError:
    allowed = may(caller.roles, Permission.MINT_LINKS)
    entry = replace(
        entry_of(caller, command.action, "begun" if allowed else "denied"),
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


def _begin_user_change(
    connection: Connection, caller: Caller, command: UserChange
) -> AuditRecorded | RefusedCommandError:
    """``destination`` is the user concerned; a password of one's own takes no role."""
    if command.action == "user.change_password":
        allowed = command.username == caller.username
    else:
        allowed = may(caller.roles, Permission.MANAGE_USERS)
    entry = replace(
        entry_of(caller, command.action, "begun" if allowed else "denied"),
        destination=command.username,
        detail=command.roles,
    )
    audit_id = audit.append(connection, entry)
    if not allowed:
        return RefusedCommandError(
            403, "Your role may not change users. The attempt was recorded in the audit log."
        )
    return AuditRecorded(audit_id=audit_id)


def _complete(
    connection: Connection, caller: Caller, command: CompleteAudit
) -> AuditRecorded | RefusedCommandError:
    begun = None
    if 0 < command.audit_id <= _LARGEST_AUDIT_ID:
        waiting = select(AUDIT).where(
            AUDIT.c.audit_id == command.audit_id,
            AUDIT.c.outcome == "begun",
            AUDIT.c.token_id.is_not(None),  # begun by a command, not by a redeemed link
        )
        begun = connection.execute(waiting).mappings().first()
    if begun is None:
        raise RefusedCommandError(422, "audit_id names no entry that waits for its outcome.")
    entry = replace(
        entry_of(caller, begun["action"], command.outcome),
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
