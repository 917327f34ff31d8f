"""One send: reserve, hand over to the provider, record; if the channel gives way, the same with the next one.

    send: {id: first, channel: [sms, email], template: payment-reminder-first}

Killed before the reservation commits, nothing has happened. Killed after it, the next attempt finds the message
reserved and decides anew. Right before it is handed over the message is marked as in flight, unless a later attempt has
taken it over or its journey was stopped meanwhile. Killed between that and the record, a provider with keys is asked
again under the same key; with a plain one policy's `in_doubt` decides, and the doubt is listed.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.beating import heartbeats
from activities.context import Connection, Context
from activities.providers.provider import Final, InDoubt, Retryable
from engine.conditions.types import Value
from engine.facts.evaluate import Asked, evaluator
from engine.journeys.plan import Plan, TemplateBy
from engine.journeys.wire import Answer, DeliverRequest
from engine.language.rules import Rules
from engine.messages import record
from engine.messages.channel_limit import NEAR
from engine.messages.decision import Terms, Wanted
from engine.messages.errors import TemplateError
from engine.messages.fallback import gives_way
from engine.messages.locales import locale_chain
from engine.messages.message import OutgoingMessage
from engine.messages.mime import default_unsubscribe
from engine.messages.named import attributes_named
from engine.messages.render import RENDERERS
from engine.messages.reserve import NotBefore, Proceed, Settled, reserve
from engine.messages.segments import length
from engine.messages.values import coupon_values, message_values


class _Overtaken(Exception):  # noqa: N818 - a way out of a send, seen nowhere else
    """The message is not ours to hand over any more."""


@dataclass(frozen=True)
class _Journey:
    """What a send needs to know of its journey: the rules of its version and its plan."""

    rules: Rules
    plan: Plan


@dataclass(frozen=True)
class Deliver:
    """The activity `deliver`."""

    context: Context

    @activity.defn(name="deliver")
    async def deliver(self, request: DeliverRequest) -> Answer:
        """Sends one message, or says why not, or not before when.

        Raises:
            ApplicationError: the provider could not be asked now; Temporal tries again.
        """
        async with heartbeats():
            return await self.send(request)

    async def send(self, request: DeliverRequest, asked: Sequence[Wanted] = ()) -> Answer:
        """The same for whoever sends heartbeats, and may ask more of the customer at each try."""
        moment = self.context.moment(request.at, request.clock)
        answer = None
        while answer is None:
            answer = await self._through_a_channel(request, moment, asked)
        return answer

    async def _through_a_channel(
        self, request: DeliverRequest, moment: datetime, asked: Sequence[Wanted]
    ) -> Answer | None:
        """What has become of the message; None if this channel gave way and the next is to be tried."""
        reservation = await self.context.transaction(
            lambda connection: self._reserve(connection, request, moment, asked)
        )
        match reservation:
            case NotBefore(until=until, reason=reason):
                return Answer(moment, "deferred", reason, until)
            case Settled():
                return _settled(reservation)
            case Proceed():
                answer = await self._send(request, reservation, moment)
        another = len(request.channels) > 1 and gives_way(answer.outcome, answer.reason)
        return None if another else answer

    def _reserve(
        self, connection: Connection, request: DeliverRequest, moment: datetime, asked: Sequence[Wanted]
    ) -> Settled | NotBefore | Proceed:
        journey = self._journey(connection, request.journey)
        keyed = set(filter(self._keyed, self.context.providers))
        near = NEAR if request.clock == "timers" else timedelta()
        terms = Terms(journey.plan, self.context.rules, keyed, self.context.reporting.matcher(connection), near, asked)
        with self.context.timings.reserving():
            reservation = reserve(connection, request, terms, moment)
        if isinstance(reservation, Settled):
            _end(connection, request, reservation.state, reservation.at)
        return reservation

    def _journey(self, connection: Connection, journey: int) -> _Journey:
        row = connection.execute("select version, playbook from journeys where id = %s", (journey,)).fetchone()
        if row is None:
            raise ApplicationError(f"journey {journey} is not in the database", type="no_journey", non_retryable=True)
        rules = self.context.versions.get(connection, row[0])
        return _Journey(rules, self.context.versions.plan(connection, row[0], row[1]))

    async def _send(self, request: DeliverRequest, proceed: Proceed, moment: datetime) -> Answer:
        provider = self.context.providers[proceed.channel]

        async def before_commit() -> None:
            await self.context.transaction(lambda connection: _mark_in_flight(connection, proceed))

        await self._turn(proceed)
        try:
            message = await self.context.transaction(
                lambda connection: self._write(connection, request, proceed, moment)
            )
            answer = provider.deliver(message, proceed.key, before_commit)
            accepted = await self.context.timings.asking(provider.name, answer)
        except TemplateError as error:
            return await self._refused(request, proceed, moment, error.code, asked=False)
        except _Overtaken:
            raise ApplicationError("overtaken", type="overtaken") from None
        except Retryable as refusal:
            await self._not_taken(proceed, refusal.reason)
            raise ApplicationError(refusal.reason, type=refusal.reason, next_retry_delay=refusal.retry_after) from None
        except Final as refusal:
            return await self._refused(request, proceed, moment, refusal.reason, asked=True)
        except InDoubt as doubt:
            return await self._doubted(request, proceed, moment, doubt.reason)
        await self.context.insist(
            lambda connection: _record(connection, request, proceed, moment, accepted.provider_id)
        )
        return Answer(moment, "sent")

    async def _turn(self, proceed: Proceed) -> None:
        """Waits for the channel's token, which is moments away at most; nothing is locked meanwhile."""
        if proceed.not_before is not None:
            ahead = proceed.not_before - self.context.now()
            await asyncio.sleep(min(max(ahead, timedelta()), NEAR).total_seconds())

    def _write(
        self, connection: Connection, request: DeliverRequest, proceed: Proceed, moment: datetime
    ) -> OutgoingMessage:
        """Chooses the wording and fills it in for the recipient."""
        journey = self._journey(connection, request.journey)
        name = self._template(connection, request, proceed, journey, moment)
        known = self._attributes(connection, request, proceed, journey, moment, name)
        channel = self.context.policy.channels[proceed.channel]
        sender = channel.sender or ""
        refusable = self.context.policy.consent(journey.plan.controls.purpose) != "none"
        unsubscribe = default_unsubscribe(sender) if refusable and channel.address == "email" and sender else None
        values = message_values(
            connection,
            customer_id=proceed.customer,
            order_id=proceed.order,
            shipment_id=proceed.shipment,
            case_id=proceed.case,
            at=moment,
            attributes=known,
        ) | coupon_values(connection, request.journey, moment)
        values["unsubscribe"] = unsubscribe
        chain = locale_chain(values["customer"]["locale"], journey.rules.policy.locale)
        content = RENDERERS[channel.form](journey.rules.templates, name, chain, values)
        segments = length(content.text).segments if channel.form == "sms" else None
        record.record_content(connection, proceed.message, name, content.locale, segments)
        if self._keyed(proceed.channel):
            _mark_in_flight(connection, proceed)  # a plain provider says itself when it is about to hand it over
        return OutgoingMessage(
            sender, proceed.address, content, moment, unsubscribe=unsubscribe, address=channel.address
        )

    def _attributes(
        self,
        connection: Connection,
        request: DeliverRequest,
        proceed: Proceed,
        journey: _Journey,
        moment: datetime,
        template: str,
    ) -> dict[str, Value]:
        """Those attributes that the template names, as of the send."""
        wanted = set(attributes_named(journey.rules.templates, template)) & journey.rules.catalogue.keys()
        return self._ask(connection, request, proceed, journey, moment, wanted) if wanted else {}

    def _ask(
        self,
        connection: Connection,
        request: DeliverRequest,
        proceed: Proceed,
        journey: _Journey,
        moment: datetime,
        wanted: set[str],
    ) -> dict[str, Value]:
        subject = (journey.plan.subject, proceed.order or proceed.customer)
        asked = Asked(proceed.customer, *subject, moment, journey=request.journey)
        currency = self.context.reporting.matcher(connection).currency
        asking = evaluator(journey.rules.catalogue, currency, journey.rules.words)
        known = asking.environment(connection, asked, wanted, self.context.policy.zone).attributes
        return {name: known.get(name) for name in wanted}

    def _template(
        self, connection: Connection, request: DeliverRequest, proceed: Proceed, journey: _Journey, moment: datetime
    ) -> str:
        if isinstance(request.template, str):
            return request.template
        choice = TemplateBy.model_validate(request.template)
        return choice.chosen(self._ask(connection, request, proceed, journey, moment, {choice.by})[choice.by])

    async def _not_taken(self, proceed: Proceed, why: str) -> None:
        if not proceed.doubted:  # this attempt's refusal does not tell what became of an earlier one
            await self.context.insist(
                lambda connection: record.record_not_taken(connection, proceed.message, proceed.attempt, why)
            )

    async def _refused(
        self, request: DeliverRequest, proceed: Proceed, moment: datetime, reason: str, *, asked: bool
    ) -> Answer:
        """It failed, unless an earlier attempt may have been accepted: only a provider with keys could tell."""
        if not proceed.doubted or (asked and self._keyed(proceed.channel)):
            return await self._failed(proceed, moment, reason)

        def doubted(connection: Connection) -> None:
            _end(connection, request, "in_doubt", moment)
            _suppress(connection, proceed, reason, moment)
            record.record_doubt(connection, proceed.message, "refused_after_doubt")

        await self.context.insist(doubted)
        return Answer(moment, "in_doubt", "refused_after_doubt")

    async def _failed(self, proceed: Proceed, moment: datetime, reason: str) -> Answer:
        def failed(connection: Connection) -> None:
            _suppress(connection, proceed, reason, moment)
            record.record_failed(connection, proceed.message, reason)

        await self.context.insist(failed)
        return Answer(moment, "failed", reason)

    async def _doubted(self, request: DeliverRequest, proceed: Proceed, moment: datetime, reason: str) -> Answer:
        if self._keyed(proceed.channel) or self.context.policy.channels[proceed.channel].in_doubt == "resend":
            # It stays in flight. A provider with keys is asked again, and tells what became of it.
            raise ApplicationError(reason, type=reason)

        def doubted(connection: Connection) -> None:
            _end(connection, request, "in_doubt", moment)
            record.record_doubt(connection, proceed.message, reason)

        await self.context.insist(doubted)
        return Answer(moment, "in_doubt", reason)

    def _keyed(self, channel: str) -> bool:
        provider = self.context.providers.get(channel)
        return provider is not None and provider.takes_idempotency_key


def _settled(settled: Settled) -> Answer:
    return Answer(settled.at, settled.state, settled.reason, stopped=settled.stopped)


def _mark_in_flight(connection: Connection, proceed: Proceed) -> None:
    if not record.mark_in_flight(connection, proceed.message, proceed.attempt):
        raise _Overtaken


def _suppress(connection: Connection, proceed: Proceed, reason: str, moment: datetime) -> None:
    if reason == "recipient_refused":
        record.suppress(connection, proceed.message, "bounced", moment)


def _record(
    connection: Connection, request: DeliverRequest, proceed: Proceed, moment: datetime, provider_id: str
) -> None:
    _end(connection, request, "sent", moment)
    record.record_sent(connection, proceed.message, provider_id)


def _end(connection: Connection, request: DeliverRequest, state: str, at: datetime) -> None:
    """The journey ends with its last send, in the same transaction, unless that has failed."""
    if request.ends is not None and state != "failed":
        record.end_journey(connection, request.journey, "ended", request.ends, at)
