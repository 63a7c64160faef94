"""What somebody of the company did for a customer, in plain words."""

from billing_core.rows import AuditRow
from billing_core.sentences.words import Sentence

_SHORT_REASON = 80
_REFUSALS = {
    "minted": "made",
    "refused": "tried to make",
    "denied": "tried to make",
}


def staff_action(row: AuditRow) -> Sentence:
    """A line of the audit log that is about an organization."""
    outcome = row.completed or row.outcome
    what = f"a “{row.destination}” link" if row.destination else row.action.replace("_", " ")
    text = f"{row.actor} {_REFUSALS.get(outcome, 'began to make')} {what}"
    details: tuple[str, ...] = ()
    if row.reason and len(row.reason) <= _SHORT_REASON and "\n" not in row.reason:
        text += f" ({row.reason})"
    elif row.reason:
        details = (f"Reason: {row.reason}",)
    if outcome == "refused":
        text += ": it was refused" + (f" (`{row.detail}`)" if row.detail else "")
    elif outcome == "denied":
        text += ": the role does not allow it"
    return Sentence("link", f"{text}.", details)
