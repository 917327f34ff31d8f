"""A campaign's work, in batches: who gets a wave, sending it, and ending it.

    campaign: winter-days
    waves:
      - {id: preheat, at: "2026-12-01T09:00:00Z", channel: email, template: winter-preheat}

Everything is in the messages' rows: a worker killed in a batch leaves messages that are settled, and others that the
next attempt finds open. Each is sent as a journey's is, under its own key (see `deliver`).
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.beating import heartbeats
from activities.context import Connection, Context
from activities.deliver import Deliver
from engine.campaigns import audience, runs, wave
from engine.campaigns.wire import Batch, Counts, EndRequest, WaveRequest
from engine.dispatch.standing import Standings
from engine.journeys.campaign import Campaign, Wave
from engine.journeys.plan import TemplateBy
from engine.journeys.wire import Answer, DeliverRequest
from engine.logs import described
from engine.messages.decision import Wanted, wanted

LANES = 6
"""Messages under way at once: each needs a connection to the database now and then, and others need some too."""
_NEWS = frozenset({"killed", "playbook_paused", "all_paused", "playbook_draft"})

log = logging.getLogger("regulars.campaigns")


@dataclass(frozen=True)
class RunCampaign:
    """The activities of campaigns."""

    context: Context

    @activity.defn(name="plan_wave")
    async def plan_wave(self, request: WaveRequest) -> int:
        """Takes the wave's audience, plans its messages, and gives how many it has."""
        async with heartbeats():
            return await asyncio.to_thread(self._plan, request)

    def _plan(self, request: WaveRequest) -> int:
        campaign, standings = self._now(partial(self._read, request=request))
        self._now(lambda connection: wave.begin_wave(connection, request.run, request.wave))
        return audience.plan_wave(self._now, standings, campaign, self.context.policy, request)

    def _read(self, connection: Connection, request: WaveRequest) -> tuple[Campaign, Standings]:
        rules = self.context.versions.get(connection, request.version)
        currency = self.context.reporting.matcher(connection).currency
        return _campaign(self.context, connection, request), Standings(rules, self.context.versions, currency)

    def _now(self, work: Any) -> Any:  # noqa: ANN401 - whatever the work gives
        with self.context.pool.connection() as connection:
            return work(connection)

    @activity.defn(name="look_at_campaign")
    async def look(self, request: WaveRequest) -> Batch:
        """Whether somebody has paused or killed the campaign."""
        return await self.context.transaction(lambda connection: self._held(connection, request))

    def _held(self, connection: Connection, request: WaveRequest) -> Batch:
        state, until = runs.held(connection, self.context.rules, request.name, self.context.now())
        return Batch(request.after, held=state, until=until)

    @activity.defn(name="send_wave")
    async def send_wave(self, request: WaveRequest) -> Batch:
        """Sends the next batch of the wave's messages, and says where to go on."""
        async with heartbeats():
            held = await self.look(request)
            if held.held:
                return held
            return await _Sending(self.context, request).batch()

    @activity.defn(name="end_wave")
    async def end_wave(self, request: WaveRequest) -> None:
        """Settles what has not left by the wave's end."""
        async with heartbeats():
            await self._all(
                lambda connection: wave.end_wave(connection, request.name, request.wave, "wave_over", self._at)
            )

    @activity.defn(name="end_campaign")
    async def end_campaign(self, request: EndRequest) -> None:
        """Settles all that is open and ends everybody's part, then the run."""
        reason = request.state if request.state != "ended" else "wave_over"
        async with heartbeats():
            await self._all(lambda connection: wave.end_wave(connection, request.name, None, reason, self._at))
            await self._all(lambda connection: wave.end_members(connection, request.name, request.state, self._at))
            await self.context.transaction(
                lambda connection: wave.end_run(connection, request.run, request.state, self._at)
            )

    async def _all(self, page: Any) -> None:  # noqa: ANN401 - does one page and gives how many it had
        while await self.context.transaction(page):
            pass

    @property
    def _at(self) -> datetime:
        return self.context.now()


def _campaign(context: Context, connection: Connection, request: WaveRequest) -> Campaign:
    campaign = context.versions.get(connection, request.version).campaigns.get(request.name)
    if campaign is None:
        detail = f"rules version {request.version} has no campaign {request.name}"
        raise ApplicationError(detail, type="no_campaign", non_retryable=True)
    return campaign


class _Sending:
    """One batch."""

    def __init__(self, context: Context, request: WaveRequest) -> None:
        self.context, self.request = context, request
        self.deliver = Deliver(context)
        self.left = 0
        self.news = False

    async def batch(self) -> Batch:
        """Asks for each message of the batch, some at once; ends early where that is of no use or the worker stops."""
        campaign = await self.context.transaction(lambda connection: _campaign(self.context, connection, self.request))
        self.campaign, self.wave = campaign, campaign.wave(self.request.wave)
        due = await self.context.transaction(self._due)
        done, after = Counts(), self.request.after
        for some in (due[at : at + LANES] for at in range(0, len(due), LANES)):
            answers = await asyncio.gather(*map(self._send, some))
            settled = [answer for answer in answers if answer is not None]
            done = done.plus(_counted(settled))
            after = some[-1].id
            if self.news or activity.is_worker_shutdown():
                return Batch(after, done, self.left)
            if not settled:  # nothing can be handed over now
                return await self._through(done)
        return Batch(after, done, self.left) if len(due) == wave.BATCH else await self._through(done)

    async def _through(self, done: Counts) -> Batch:
        """The end of a pass: what is open yet, and when to look again."""
        request, now = self.request, self.context.now()

        def read(connection: Connection) -> tuple[datetime | None, Counts]:
            until = wave.next_due(connection, request.name, request.wave, now)
            return until, wave.counts(connection, request.name, request.wave)

        until, so_far = await self.context.transaction(read)
        return Batch(None, done, self.left, until=until, so_far=so_far)

    def _due(self, connection: Connection) -> Any:  # noqa: ANN401 - rows
        request = self.request
        return wave.due(connection, request.name, request.wave, request.after, self.context.now())

    async def _send(self, due: wave.Due) -> Answer | None:
        """What became of one message; None if it could not be handed over now, which concerns this one alone."""
        try:
            answer = await self.deliver.send(_request(due, self.wave, self.context.now()), self.asked)
        except ApplicationError as refusal:
            log.info("a message was not handed over", extra={"journey": due.journey, "error": refusal.type})
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("the database was away", extra=described(error))
        except Exception as error:  # noqa: BLE001 - what is wrong with one customer must not end the wave for all
            log.error("a message could not be sent", extra={"journey": due.journey, **described(error)})  # noqa: TRY400 - what it says may quote a customer
        else:
            self.news = self.news or answer.reason in _NEWS
            return answer
        self.left += 1
        return None

    @cached_property
    def asked(self) -> tuple[Wanted, ...]:
        """What is asked of a customer at each try."""
        return wanted(self.campaign, self.wave)


def _request(due: wave.Due, of: Wave, now: datetime) -> DeliverRequest:
    template = of.template.model_dump(mode="json") if isinstance(of.template, TemplateBy) else of.template
    return DeliverRequest(
        journey=due.journey,
        step=of.id,
        iteration=1,
        at=now,
        due=of.at,
        channels=list(of.channels),
        template=template,
        clock="timers",
    )


def _counted(answers: list[Answer]) -> Counts:
    counts = Counts()
    for answer in answers:
        match answer.outcome:
            case "sent":
                counts = replace(counts, sent=counts.sent + 1)
            case "skipped":
                counts = replace(counts, skipped=counts.skipped + 1)
            case "deferred":
                counts = replace(counts, waiting=counts.waiting + 1)
            case _:
                counts = replace(counts, failed=counts.failed + 1)
    return counts
