"""What a person did for a customer, or a customer with a link, in plain words."""

from billing_core.rows import AuditRow
from billing_core.sentences.words import Sentence

_SHORT_REASON = 80
# By action and outcome; {who} is the user, {what} the destination's name.
_TOLD = {
    ("mint", "minted"): "{who} made a “{what}” link",
    ("mint", "begun"): "{who} began to make a “{what}” link",
    ("mint", "refused"): "{who} tried to make a “{what}” link, which was refused",
    ("mint", "denied"): "{who} tried to make a “{what}” link, which the role does not allow",
    ("create", "created"): "{who} made a “{what}” link to send",
    ("create", "denied"): "{who} tried to make a “{what}” link, which was not allowed",
    ("extend", "extended"): "{who} let the “{what}” link work longer",
    ("extend", "denied"): "{who} tried to extend the “{what}” link, which was not allowed",
    ("revoke", "revoked"): "{who} stopped the “{what}” link from working",
    ("revoke", "denied"): "{who} tried to stop the “{what}” link, which was not allowed",
    ("redeem", "minted"): "The customer went to “{what}” with the link",
    ("redeem", "begun"): "The customer used the “{what}” link",
    ("redeem", "refused"): "The customer used the “{what}” link and was refused",
}


def staff_action(row: AuditRow) -> Sentence:
    """A line of the audit log that is about an organization."""
    outcome = row.completed or row.outcome
    told = _TOLD.get((row.action.rpartition(".")[2], outcome))
    if told is None or row.destination is None:
        text = f"{row.actor}: {row.action.replace('_', ' ').replace('.', ', ')} ({outcome})"
    else:
        text = told.format(who=row.actor, what=row.destination)
    if outcome == "refused" and row.detail:
        text += f" (`{row.detail}`)"
    details: tuple[str, ...] = ()
    if row.reason and len(row.reason) <= _SHORT_REASON and "\n" not in row.reason:
        text += f" ({row.reason})"
    elif row.reason:
        details = (f"Reason: {row.reason}",)
    return Sentence("link", f"{text}.", details)
