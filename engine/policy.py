"""The shop's policy as the engine uses it: zones, quiet hours, purposes and channels.

Built by `engine.language` from `rules/policy.yaml`; the field names are the YAML's.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """Common configuration: immutable and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class QuietHours(Part):
    """No messages between `start` and `end` of the customer's local clock (`HH:MM`, may pass midnight).

    Messages held back are released within `spread` seconds after `end`, each at an offset given by its key's hash.
    """

    start: str
    end: str
    spread: int = 0
    exempt: tuple[str, ...] = ()
    """Purposes that may disturb."""


class Purpose(Part):
    """Why a message is sent. `opt_in` needs consent, `opt_out` needs no refusal, `none` asks nothing."""

    consent: Literal["opt_in", "opt_out", "none"] = "opt_in"


class Channel(Part):
    """How messages leave. `provider` names an activity provider; `in_doubt` decides after a crash in mid-send."""

    provider: str
    sender: str | None = None
    in_doubt: Literal["hold", "resend"] = "hold"


class Policy(Part):
    """The whole policy. `zone`, `locale` and `currency` serve where a customer or shop states none."""

    zone: str = "UTC"
    locale: str = "en"
    currency: str | None = None
    quiet_hours: QuietHours | None = None
    purposes: dict[str, Purpose] = Field(default_factory=dict)
    channels: dict[str, Channel] = Field(default_factory=dict)

    def consent(self, purpose: str) -> Literal["opt_in", "opt_out", "none"]:
        """What a purpose asks of the customer; one that the policy does not name asks for consent."""
        named = self.purposes.get(purpose)
        return named.consent if named else "opt_in"
