"""The listener's own errors; the message is a sentence for whoever meets it."""


class OverloadedError(Exception):
    """The listener has more to write than it can take on just now."""

    def __init__(self) -> None:
        super().__init__(
            "The listener cannot take on more just now. Nothing was stored; send it again."
        )


class NotStoredError(Exception):
    """A delivery could not be stored just now; the cause is logged where it happened."""

    def __init__(self) -> None:
        super().__init__("The event could not be stored just now. Send it again later.")


class SchemaError(Exception):
    """The database's schema is not the one that this version needs; the message says what to do."""


class ImportFileError(Exception):
    """A file to import cannot be used; the message names the line. Nothing was written."""


class ListenError(Exception):
    """The address or port cannot be listened on; the message names the variable that changes it."""
