"""What can be wrong with a provider's settings."""

from dataclasses import dataclass


@dataclass(eq=False)
class ProviderSettingError(Exception):
    """A provider that is not known or not set up. Never holds a secret: `found` describes, it does not quote.

    Attributes:
        code: stable name of the kind of error.
        setting: the environment variable or the place in policy.yaml.
        found: what is there, in words.
        expected: what should be there.
        hint: what to do.
    """

    code: str
    setting: str
    found: str
    expected: str
    hint: str

    def __str__(self) -> str:
        """On two lines, as a terminal shows it."""
        return f"{self.setting}: {self.code}: found {self.found}; expected {self.expected}\n  hint: {self.hint}"
