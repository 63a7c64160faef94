"""Changing users from the console: the role is checked, the wish recorded, then it is done."""

from contextlib import suppress

from billing_core.commands import CompleteAudit, DeniedAudit, UserChange
from billing_core.errors import BillingError, BillingErrorCode
from billing_core.permissions import Permission
from console import commands
from console.identity import Principal
from console.user_changes import Change
from console.users import UserError

OWN_PASSWORD = "user.change_password"  # noqa: S105 - an action's name
_SPARED = "Nothing was changed"


def perform(principal: Principal, change: Change) -> None:
    """Do a change in this person's name, recorded before and after.

    Raises UserError where the users' file speaks against it, and BillingError with a sentence where
    the role does, or where it could not be recorded: nothing is changed then. A change that was
    made but whose end could not be recorded stands in the log as begun.
    """
    if change.action != OWN_PASSWORD and not principal.may(Permission.MANAGE_USERS):
        raise _denied(principal, change)
    if change.action == "user.reset_password" and change.username == principal.username:
        raise UserError("Your own password is changed by “Change password”; nothing was changed.")
    change.check()
    begin = UserChange(action=change.action, username=change.username, roles=change.roles)
    audit_id = commands.record(principal, begin, spared=_SPARED)
    try:
        change.apply()
    except Exception as error:
        code = "not_possible" if isinstance(error, UserError) else "unexpected_error"
        refused = CompleteAudit(audit_id=audit_id, outcome="refused", detail=code)
        with suppress(BillingError):  # the wish is recorded; why it failed matters more now
            commands.record(principal, refused, spared=_SPARED)
        raise
    with suppress(BillingError):
        commands.record(principal, CompleteAudit(audit_id=audit_id, outcome="done"))


def _denied(principal: Principal, change: Change) -> BillingError:
    attempt = DeniedAudit(action=change.action, destination=change.username[:64])
    sentence = "Your role may not change users, so nothing was changed."
    with suppress(BillingError):
        commands.record(principal, attempt, spared=_SPARED)
        sentence += " The attempt was recorded."
    return BillingError(BillingErrorCode.PERMISSION_DENIED, sentence)
