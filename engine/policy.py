"""The shop's policy as the engine uses it: zones, quiet hours, purposes, channels, and all that holds a message back.

Built by `engine.language` from `rules/policy.yaml`; the field names are the YAML's.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Literal

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
    """Purposes that may disturb, also on holidays and on weekdays that are not sent on."""


class Purpose(Part):
    """Why a message is sent. `opt_in` needs consent, `opt_out` needs no refusal, `none` asks nothing."""

    consent: Literal["opt_in", "opt_out", "none"] = "opt_in"


class Limit(Part):
    """A token bucket: so many in so many seconds, of which `burst` may leave at once."""

    count: int
    seconds: int
    burst: int = 1

    @property
    def apart(self) -> timedelta:
        """How far apart messages leave where all wait for each other."""
        return timedelta(seconds=self.seconds) / self.count


AddressKind = Literal["email", "phone", "customer"]
"""What a channel reaches somebody by: an address, a number, or the key that the shop knows the customer by."""
Form = Literal["mail", "sms"]
"""Which files of a template a channel takes: subject, text and HTML, or a short text alone."""
Meaning = Literal["accepted", "recipient_refused", "message_refused", "try_later", "in_doubt"]


class AnswerRule(Part):
    """What an answer over HTTP means: one of these status codes, and each of these fields with one of its values."""

    http: tuple[int, ...] = ()
    body: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    means: Meaning = "accepted"


class AcceptedAnswer(Part):
    """What the body of an accepting answer holds: fields with one of their values, and the provider's own id."""

    body: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    id: str | None = None


class Request(Part):
    """How a provider over HTTP is asked: the body's template, and how its answers are read.

    `idempotency_key` says that the service makes one message of two requests with the same key. `answers` are asked in
    order, before what status codes mean by themselves.
    """

    body: dict[str, Any]
    encode: Literal["json", "form"] = "json"
    idempotency_key: bool = False
    accepted: AcceptedAnswer = AcceptedAnswer()
    answers: tuple[AnswerRule, ...] = ()


class Channel(Part):
    """How messages leave. `provider` names an activity provider; `in_doubt` decides after a crash in mid-send."""

    provider: str
    sender: str | None = None
    in_doubt: Literal["hold", "resend"] = "hold"
    limit: Limit | None = None
    address: AddressKind = "email"
    form: Form = "mail"
    request: Request | None = None


class Cap(Part):
    """At most `at_most` messages to one customer in `per` seconds; no purposes or channels mean all of them.

    Messages whose purpose asks for no consent neither count nor wait.
    """

    at_most: int
    per: int
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    do: Literal["delay", "skip"] = "delay"


class Capacity(Part):
    """What a team or channel bears of the messages it selects; no purposes, channels or playbooks mean all of them.

    An hour is one of UTC's, a day one of the policy's zone.
    """

    per_hour: int | None = None
    per_day: int | None = None
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    playbooks: tuple[str, ...] = ()

    def concerns(self, purpose: str, channel: str, playbook: str) -> bool:
        """Whether such a message takes a place of it."""
        asked = ((self.purposes, purpose), (self.channels, channel), (self.playbooks, playbook))
        return all(not names or name in names for names, name in asked)


class Hold(Part):
    """While the condition (its tree as JSON) holds, messages of these purposes are delayed or skipped."""

    condition: dict[str, Any]
    purposes: tuple[str, ...] = ()
    do: Literal["delay", "skip"] = "delay"


class Blackout(Part):
    """From the beginning of one local day to the end of another nothing of these purposes is sent."""

    first: str
    last: str
    purposes: tuple[str, ...] = ()


class Holidays(Part):
    """Days on which customers are left in peace: public ones of their own country if it is named, and ISO dates."""

    countries: tuple[str, ...] = ()
    days: tuple[str, ...] = ()


class Publication(Part):
    """When cut-offs are published again, by the policy's zone."""

    every: Literal["day", "week", "month", "quarter", "year"]
    day: int = 1
    at: str = "03:00"


class MassStart(Part):
    """More journeys at once than `above` are held for a person."""

    above: int


class Apply(Part):
    """Rules by which more than this share of all customers would change need that number typed; in basis points."""

    confirm_above: int


class Policy(Part):
    """The whole policy. `zone`, `locale` and `currency` serve where a customer or shop states none.

    `priorities` are purposes, the first of which goes first where a cap or capacity is short. `business_hours` are
    opening and closing times by weekday. `weekdays` are those on which messages are sent; they and the holidays do not
    concern purposes that are exempt from the quiet hours. `holdout` is in basis points; in `mode` test only the test
    recipients (addresses, numbers or customers' keys) get anything.
    """

    mode: Literal["live", "test"] = "live"
    test_recipients: tuple[str, ...] = ()
    holdout: int = 0

    zone: str = "UTC"
    locale: str = "en"
    currency: str | None = None
    quiet_hours: QuietHours | None = None
    purposes: dict[str, Purpose] = Field(default_factory=dict)
    channels: dict[str, Channel] = Field(default_factory=dict)
    priorities: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()
    capacities: dict[str, Capacity] = Field(default_factory=dict)
    holidays: Holidays = Holidays()
    business_hours: dict[str, tuple[str, str]] = Field(default_factory=dict)
    blackout: tuple[Blackout, ...] = ()
    weekdays: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    publication: Publication | None = None
    mass_start: MassStart | None = None
    apply: Apply | None = None

    def consent(self, purpose: str) -> Literal["opt_in", "opt_out", "none"]:
        """What a purpose asks of the customer; one that the policy does not name asks for consent."""
        named = self.purposes.get(purpose)
        return named.consent if named else "opt_in"

    def transactional(self, purpose: str) -> bool:
        """Whether a purpose must reach everybody: it asks for no consent, so no cap or holdout concerns it."""
        return self.consent(purpose) == "none"

    def rank(self, purpose: str) -> int:
        """Who goes first where room is short: the place among the priorities, all unnamed ones together last."""
        return self.priorities.index(purpose) if purpose in self.priorities else len(self.priorities)

    def couples(self, playbooks: Collection[str]) -> bool:
        """Whether messages of these playbooks to one customer can depend on those to another.

        So it is where a capacity concerns them, and where a channel has a limit.
        """
        shared = (each for each in self.capacities.values() if not each.playbooks or {*each.playbooks} & {*playbooks})
        return any(shared) or any(each.limit is not None for each in self.channels.values())

    def may_disturb(self, purpose: str) -> bool:
        """Whether a purpose is exempt from quiet hours, weekdays and holidays."""
        return self.quiet_hours is not None and purpose in self.quiet_hours.exempt


def address_setting(name: str) -> str:
    """The setting that holds the address of the webhook that rules call by a name."""
    return f"REGULARS_WEBHOOK_{name.upper().replace('-', '_')}_URL"
