"""The composition root: the one place that puts engine, workflows and activities together."""

import asyncio
import dataclasses
import logging
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from psycopg_pool import ConnectionPool
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.call import CallOwn
from activities.campaign import RunCampaign
from activities.change_tags import ChangeTags
from activities.choose import Choose
from activities.close_journey import CloseJourney
from activities.context import Context
from activities.coupon import Coupon
from activities.decide import Decide
from activities.deliver import Deliver
from activities.discreet import Discreet
from activities.evaluate import Evaluate
from activities.give_up import GiveUp
from activities.look_up import LookUp
from activities.move import Move
from activities.open_task import OpenTask
from activities.points import Points
from activities.providers import providers
from activities.providers.mailbox import Mailbox
from activities.providers.provider import Provider
from activities.providers.settings import ProviderSettingError
from activities.rehearsal import Outside, ToldProvider, told_activity, told_webhook
from activities.reported import Reported
from activities.start import Start
from activities.update import Update
from activities.webhook import Webhook
from engine.dispatch.match import Matcher
from engine.dispatch.uses import with_used_standing
from engine.dispatch.versions import StoredVersions
from engine.evaluation.wire import BULK_QUEUE
from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import Contract, load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.pool import open_pool
from engine.facts.reporting import Reporting
from engine.journeys.wire import JOURNEY_QUEUE
from engine.language.rules import Rules
from engine.own import OwnActivity
from engine.own.load import folder_of, load
from engine.rehearsal.play import Prepared, rehearse
from engine.rehearsal.stage import REHEARSALS, add_search_attributes, watched_schemas
from engine.replay.discard import discard_namespace, first_free
from engine.replay.driver import Driver, Progress, Window
from engine.replay.fields import recorded_fields
from engine.replay.lanes import LANES, Drivers
from engine.replay.run import Run
from engine.replay.stream import Lane
from engine.ruletests.case import Case, Outcome
from engine.servers.errors import SetupError
from engine.servers.namespace import prepare_namespace
from workflows.campaign import Campaign
from workflows.evaluation import Evaluation
from workflows.journey import Journey

Stay = Callable[[], Awaitable[None]]
"""What keeps a replay's worker running after its end."""

# Pure packages, so that the sandbox need not import them again for every journey.
_PASSED_THROUGH = ("engine", "pydantic", "pydantic_core", "annotated_types")


async def connect(namespace: str | None = None, runtime: Runtime | None = None) -> Client:
    """A client by Temporal's own environment configuration; `namespace` in place of the configured one."""
    config: dict[str, Any] = {**ClientConfig.load_client_connect_config()}
    if namespace is not None:
        config["namespace"] = namespace
    return await Client.connect(**config, runtime=runtime)


def worker_runtime(metrics_address: str | None) -> Runtime:
    """The SDK's runtime of a worker: what it logs goes into our log; its own metrics to an address, if one is given."""
    logging_ = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
    )
    metrics = PrometheusConfig(bind_address=metrics_address) if metrics_address else None
    return Runtime(telemetry=TelemetryConfig(logging=logging_, metrics=metrics))


def channel_providers(rules: Rules, environment: Mapping[str, str]) -> dict[str, Provider]:
    """The provider of each configured channel.

    Raises:
        SetupError: a provider lacks a setting.
    """
    try:
        return providers(rules.policy.channels, environment)
    except ProviderSettingError as error:
        message = f"found {error.found}; expected {error.expected}"
        raise SetupError(error.code, message, error.hint, error.setting) from None


def context(
    pool: ConnectionPool,
    rules: Rules,
    channels: Mapping[str, Provider],
    versions: StoredVersions | None = None,
    contracts: Mapping[str, Contract] | None = None,
    own: Mapping[str, OwnActivity | None] | None = None,
) -> Context:
    """What activities of a worker share; `contracts` of events are the shipped ones unless told."""
    reporting = Reporting(load_contracts() if contracts is None else contracts, rules.policy.currency)
    return Context(pool, versions or StoredVersions(), rules, channels, reporting, own or {})


def own_activities(rules: Path) -> Mapping[str, OwnActivity]:
    """The sound activities of the project whose rules are in this directory, and those of installed packages."""
    return load(folder_of(rules)).activities


def event_matcher(pool: ConnectionPool, rules: Rules) -> EventMatcher:
    """Decides triggers by the shipped contracts of events.

    Raises:
        CurrencyUnclearError: shops have several currencies and the policy names none.
    """
    with pool.connection() as connection:
        return EventMatcher(load_contracts(), reporting_currency(connection, rules.policy.currency))


def journey_worker(
    client: Client,
    shared: Context,
    webhook: Webhook | None = None,
    **options: Any,  # noqa: ANN401 - temporalio's own options
) -> Worker:
    """A worker for all journeys and campaigns, and their activities; `webhook` in place of that of the settings."""
    campaigns = RunCampaign(shared)
    activities: list[Callable[..., Any]] = [
        Deliver(shared).deliver,
        Decide(shared).decide,
        Choose(shared).choose,
        LookUp(shared).look_up,
        OpenTask(shared).open_task,
        ChangeTags(shared).change_tags,
        *(CallOwn(shared, name, own).activity() for name, own in shared.own.items()),
        (webhook or Webhook(shared)).webhook,
        Update(shared).update,
        Coupon(shared).coupon,
        Points(shared).points,
        Move(shared).move,
        Start(shared).start,
        CloseJourney(shared).close_journey,
        GiveUp(shared).give_up,
        campaigns.plan_wave,
        campaigns.look,
        campaigns.send_wave,
        campaigns.end_wave,
        campaigns.end_campaign,
    ]
    return Worker(
        client,
        task_queue=JOURNEY_QUEUE,
        workflows=[Journey, Campaign, Evaluation],
        activities=activities,
        workflow_runner=journey_runner(),
        interceptors=[Reported(), Discreet()],
        **options,
    )


def bulk_worker(
    client: Client,
    shared: Context,
    **options: Any,  # noqa: ANN401 - temporalio's own options
) -> Worker:
    """A worker for slices of evaluations: one at a time, so that journeys go on beside it."""
    evaluate = Evaluate(shared)
    return Worker(
        client,
        task_queue=BULK_QUEUE,
        activities=[evaluate.gather, evaluate.publish, evaluate.judge, evaluate.finish],
        max_concurrent_activities=1,
        interceptors=[Reported(), Discreet()],
        **options,
    )


def journey_runner() -> SandboxedWorkflowRunner:
    """The sandbox in which journeys run, and in which saved histories are replayed."""
    return SandboxedWorkflowRunner(
        restrictions=dataclasses.replace(
            SandboxRestrictions.default,
            passthrough_modules=SandboxRestrictions.default.passthrough_modules | set(_PASSED_THROUGH),
        )
    )


async def free_run(run: Run) -> Run:
    """This run, or the first after it whose namespace is free."""
    return await first_free(await connect(), run)


async def run_replay(
    url: str,
    run: Run,
    rules: Rules,
    window: Window,
    mailbox: Path,
    progress: Progress,
    finished: Callable[[Drivers], Awaitable[None]],
) -> None:
    """Drives one replay with a worker of its own. Whatever the policy says, its messages go to its own mailbox.

    Nobody outside is called. Where a playbook uses standing, `judge_before` has judged everybody before.

    `finished` is awaited at the end, while the worker can still answer questions about its journeys.
    """
    await prepare_namespace(ClientConfig.load_client_connect_config(), run.namespace)
    client = await connect(run.namespace)
    if run.namespace_before is not None:
        await discard_namespace(client, run.namespace_before)
    versions = StoredVersions()
    with open_pool(url, run.schema, size=10 + LANES) as pool:
        # Everyone's standing is decided as far as a live playbook uses it.
        matcher = Matcher(with_used_standing(rules), versions, event_matcher(pool, rules))
        box = Mailbox(mailbox)
        shared = context(
            pool, rules, dict.fromkeys(rules.policy.channels, box), versions, own=dict.fromkeys(rules.own.by_name)
        )
        fields = recorded_fields(matcher.events)

        def driver(lane: Lane, told: Progress) -> Driver:
            return Driver(client, pool, versions, matcher, window, fields, told, lane)

        drivers = Drivers(driver, rules.policy, rules.plans.values(), progress)
        async with journey_worker(client, shared):
            await drivers.run()
            await finished(drivers)


@dataclasses.dataclass(frozen=True)
class Stage:
    """Where tests of playbooks run on the real path.

    Attributes:
        url: of the database, in which each lane has a schema of its own.
        address: of Temporal's test server.
        own: the project's own activities.
    """

    url: str
    address: str
    own: Mapping[str, OwnActivity]


async def rehearse_all(
    stage: Stage, rules: Rules, cases: Sequence[Case], progress: Callable[[int], None] = lambda _done: None
) -> list[Outcome]:
    """The outcomes of tests of playbooks on the real path, in their order, several side by side.

    Args:
        stage: the servers.
        rules: whose playbooks are tested.
        cases: tests with a story.
        progress: told how many are done.
    """
    outcomes: dict[int, Outcome] = {}
    waiting, quiet, run = iter(enumerate(cases)), _quiet_runtime(), uuid.uuid4().hex[:12]
    async with watched_schemas(stage.url, min(REHEARSALS, len(cases))) as pools:

        async def lane(pool: ConnectionPool) -> None:
            for number, case in waiting:
                client = await Client.connect(stage.address, namespace=f"rehearsal-{run}-{number}", runtime=quiet)
                await add_search_attributes(client)
                assert case.story is not None  # asked for such alone
                working = partial(_rehearsing, stage)
                outcomes[number] = await rehearse(rules, case, case.story, client, pool, working)
                progress(len(outcomes))

        try:
            async with asyncio.TaskGroup() as group:
                for pool in pools:
                    group.create_task(lane(pool))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
    return [outcomes[number] for number in range(len(cases))]


def _quiet_runtime() -> Runtime:
    """The SDK's runtime without its warning, at each worker, of what the test server does not advertise."""
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(TelemetryFilter("ERROR", "ERROR"))))


@asynccontextmanager
async def _rehearsing(stage: Stage, client: Client, prepared: Prepared, pool: ConnectionPool) -> AsyncIterator[None]:
    """A worker whose messages go to a mailbox that is thrown away, and whose calls are answered as the test says."""
    assumed, rules = prepared.story.assumed, prepared.terms.rules
    outside = Outside(assumed.failing, assumed.answers)
    own = {name: told_activity(each, outside) for name, each in stage.own.items()}
    with tempfile.TemporaryDirectory(prefix="regulars-mailbox-") as mailbox:
        provider = ToldProvider(Mailbox(Path(mailbox)), outside, prepared.delivered)
        channels, contracts = dict.fromkeys(rules.policy.channels, provider), prepared.matcher.events.contracts
        shared = context(pool, rules, channels, prepared.versions, contracts, own)
        shared = dataclasses.replace(shared, calls_while_held=True)
        async with told_webhook(shared, outside) as webhook, journey_worker(client, shared, webhook):
            yield
