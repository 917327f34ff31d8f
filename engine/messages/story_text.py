"""One message end to end, in sentences that can be read out to whoever asks for it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.calendar.local import zone
from engine.journeys.plan import Plan, Send
from engine.messages.in_words import in_words, passed_before
from engine.messages.story import Story, Turn
from engine.policy import Policy

_CONSENT = {
    "opt_in": "only to customers who have agreed",
    "opt_out": "to everybody who has not refused",
    "none": "to everybody, whatever they have agreed to",
}


def tell(story: Story, plan: Plan | None, policy: Policy | None, *, by_clock: bool = True) -> list[str]:
    """The story's lines.

    Args:
        story: what is known of the message.
        plan: the playbook in the journey's version, if it can be had.
        policy: of that version, likewise.
        by_clock: whether to tell when something was written down; else, as in a replay, as of when it was decided.
    """
    return list(_Telling(story, plan, policy, by_clock=by_clock).lines())


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return zone(name) if name else None
    except ValueError:
        return None


class _Telling:
    """A story being told: instants in the customer's zone."""

    def __init__(self, story: Story, plan: Plan | None, policy: Policy | None, *, by_clock: bool) -> None:
        self.story, self.plan, self.policy, self.by_clock = story, plan, policy, by_clock
        self.message = story.message
        self.zone = _zone(self.message.zone) or _zone(policy.zone if policy else None) or zone("UTC")
        steps = plan.code if plan else ()
        self.step = next((each for each in steps if isinstance(each, Send) and each.id == self.message.step), None)

    def lines(self) -> Iterator[str]:
        yield f"Message {self.message.key}"
        yield f"  {self._headline()}"
        yield f"  Instants are those of {self.zone.key}, where the customer lives."
        yield from self._part("What it is", self._what())
        yield from self._part("What happened", self._happened())
        yield from self._part("What came back", self._came_back())
        yield from self._part("What happens next", self._next())

    def _part(self, title: str, lines: Iterator[str]) -> Iterator[str]:
        yield ""
        yield title
        yield from (f"  {line}" for line in lines)

    def _headline(self) -> str:
        message = self.message
        match message.state:
            case "sent":
                return f"It was sent by {message.channel}, {self._at(message.at)}."
            case "deferred":
                until = self._at(message.until) if message.until else "later"
                return f"It is held back until {until}: {in_words(message.reason or '')}."
            case "skipped":
                return f"It was not sent: {in_words(message.reason or '')}."
            case "failed":
                return f"It could not be sent: {in_words(message.reason or '')}."
            case "in_doubt":
                return f"Nobody here knows whether it left: {in_words(message.reason or '')}."
        return "It is being sent." if message.state == "in_flight" else "It is to be sent."

    def _what(self) -> Iterator[str]:
        message = self.message
        title = f": {self.step.label}" if self.step else ""
        repeated = f", for the {message.iteration}th time" if message.iteration > 1 else ""
        yield f"Step {message.step}{title}{repeated}."
        about = (
            f"order {message.order} of customer {message.customer}" if message.order else f"customer {message.customer}"
        )
        began = f" by {message.started_by}" if message.started_by else ""
        yield f"Journey {message.workflow_id}, about {about}, begun {self._at(message.started_at)}{began}."
        consent = f", {_CONSENT[self.policy.consent(message.purpose)]}" if self.policy else ""
        yield f"Purpose {message.purpose}{consent}. Rules version {message.version}."
        if message.template:
            segments = f", {message.segments} segments" if message.segments else ""
            yield f"Wording {message.template} in {message.locale}{segments}."
        else:
            yield "No wording was chosen: that is done when it leaves."
        if self.step and len(self.step.channels) > 1:
            yield f"Channels in order of preference: {', '.join(self.step.channels)}."
        for other in self.story.others:
            reason = f": {in_words(other['reason'])}" if other["reason"] else ""
            yield f"By {other['channel']} it is {other['state']}{reason}. `regulars messages show {other['key']}`"

    def _happened(self) -> Iterator[str]:
        yield f"{self._at(self.message.due_at)}  It fell due."
        before: Turn | None = None
        for turn in self.story.turns:
            yield f"{self._at(turn.recorded_at if self.by_clock else turn.at)}  {self._turn(turn, before)}"
            if turn.state in {"reserved", "deferred", "skipped"}:
                yield from self._asked(turn)
            before = turn
        if not self.story.turns:
            yield "Its states were not yet logged when it was sent."

    def _turn(self, turn: Turn, before: Turn | None) -> str:
        reason = in_words(turn.reason) if turn.reason else ""
        match turn.state:
            case "planned" if before is None:
                return "It was put ahead; nothing is decided yet."
            case "planned":
                return f"The provider has surely not taken it{f': {reason}' if reason else ''}. It is decided anew."
            case "reserved":
                return f"It may leave by {turn.channel}: attempt {turn.attempts}, as of {self._at(turn.at)}."
            case "in_flight":
                again = before is not None and before.state == "in_flight"
                return f"It is handed over{' again, under the same key' if again else ''} to {self.message.provider}."
            case "sent":
                settled = f" {turn.author} found that out at the provider's." if turn.author else ""
                return f"Sent.{settled}"
            case "deferred":
                return f"Held back until {self._at(turn.until) if turn.until else 'later'}: {reason}."
            case "skipped":
                return f"Skipped: {reason}."
            case "in_doubt":
                return f"In doubt: {reason}."
        settled = f" {turn.author} found that out at the provider's." if turn.author else ""
        return f"Failed: {reason}.{settled}"

    def _asked(self, turn: Turn) -> Iterator[str]:
        passed = passed_before(turn.reason)
        if passed:
            yield f"    Asked, under the customer's lock: {'; '.join(passed)}."

    def _came_back(self) -> Iterator[str]:
        message = self.message
        if message.provider_id:
            yield f"The provider {message.provider} knows it as {message.provider_id}."
        for kind, at in self.story.responses:
            yield f"{self._at(at)}  {kind}"
        if not message.provider_id and not self.story.responses:
            yield "Nothing."

    def _next(self) -> Iterator[str]:
        message = self.message
        match message.state:
            case "planned" | "reserved":
                yield f"It is tried again until {self._at(self._end_of_retries())}; then it has failed, with a task."
            case "in_flight":
                yield "The next attempt finds out what became of it, or puts it in doubt."
            case "deferred":
                yield "Then every question is asked anew, so what happens until then counts."
            case "in_doubt":
                yield f"Somebody looks it up at the provider {message.provider}, and then says what she found:"
                yield f"  regulars messages settle {message.key} --sent --by NAME, or --not-sent"
            case "failed":
                yield "Nothing more by this channel, under this key."
            case _:
                yield "Nothing: it is never sent again."
        outcome = message.journey_outcome
        over = f" ({outcome})" if outcome and outcome != message.journey_state else ""
        yield f"Its journey is {message.journey_state}{over}."
        if message.journey_state == "failed":
            yield "A task for the team operations was opened: `regulars tasks`."

    def _end_of_retries(self) -> datetime:
        seconds = self.plan.controls.retry_for if self.plan else 86_400
        return self.message.at + timedelta(seconds=seconds)

    def _at(self, instant: datetime) -> str:
        local = instant.astimezone(self.zone)
        return f"{local.day} {local:%B %Y, %H:%M:%S}"
