"""What is said when a server or a setting is missing."""


class SetupError(Exception):
    """A needed server or setting is missing; the command line shows it and ends with exit code 3.

    Attributes:
        code: stable name of the fault, for scripts and for searching.
        message: what was found and what was expected.
        hint: what the operator can do about it.
        place: file and line, where there is one.
    """

    exit_code = 3

    def __init__(self, code: str, message: str, hint: str, place: str | None = None) -> None:
        super().__init__(code, message, hint, place)
        self.code = code
        self.message = message
        self.hint = hint
        self.place = place

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        return f"{place}error[{self.code}]: {self.message}\n  hint: {self.hint}"
