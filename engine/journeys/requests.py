"""What an activity is asked, made of the journey's command: data that crosses the border to Temporal."""

from dataclasses import replace

from engine.journeys import wire
from engine.journeys.commands import Ask, CallOut, ChangeTags, Choose, Deliver, LookUp, OpenTask
from engine.journeys.plan import Call, Calling, Webhook


def deliver(start: wire.JourneyStart, command: Deliver) -> wire.DeliverRequest:
    """One send."""
    template = command.template
    return wire.DeliverRequest(
        journey=start.journey,
        step=command.step,
        iteration=command.iteration,
        at=command.at,
        due=command.due,
        channels=list(command.channels),
        template=template if isinstance(template, str) else template.model_dump(mode="json"),
        clock=start.clock,
        ends=command.ends,
    )


def decide(start: wire.JourneyStart, command: Ask) -> wire.DecideRequest:
    """One condition."""
    condition = command.condition.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return wire.DecideRequest(start.journey, command.step, command.at, condition)


def choose(start: wire.JourneyStart, command: Choose) -> wire.ChooseRequest:
    """One choice of a case."""
    return wire.ChooseRequest(start.journey, command.step, command.at, command.on, list(command.cases))


def look_up(start: wire.JourneyStart, command: LookUp) -> wire.LookUpRequest:
    """One moment."""
    when = command.when.model_dump(mode="json", exclude_defaults=True)
    return wire.LookUpRequest(start.journey, command.step, command.at, command.since, when)


def open_task(start: wire.JourneyStart, command: OpenTask) -> wire.TaskRequest:
    """One task."""
    return wire.TaskRequest(
        journey=start.journey,
        step=command.step,
        iteration=command.iteration,
        at=command.at,
        task=command.task,
        team=command.team,
        title=command.title,
        due=command.due,
        business=command.business,
        ends=command.ends,
        clock=start.clock,
    )


def change_tags(start: wire.JourneyStart, command: ChangeTags) -> wire.TagsRequest:
    """Tags to give and to take."""
    return wire.TagsRequest(
        journey=start.journey,
        step=command.step,
        at=command.at,
        add=list(command.add),
        remove=list(command.remove),
        expires=command.expires,
        ends=command.ends,
        clock=start.clock,
    )


def activity_of(calling: Calling) -> str:
    """The activity's type: those of the project's own are told apart from ours."""
    return f"call/{calling.activity}" if isinstance(calling, Call) else calling.op


def call(start: wire.JourneyStart, command: CallOut) -> wire.CallRequest:
    """One call of something outside."""
    calling = command.calling
    request = wire.CallRequest(
        journey=start.journey,
        step=command.step,
        iteration=command.iteration,
        at=command.at,
        activity=activity_of(calling),
        given=calling.given,
        looked_up=calling.looked_up,
        ends=command.ends,
        clock=start.clock,
    )
    match calling:
        case Call(idempotency=idempotency):
            return replace(request, once=idempotency == "once, in doubt is held")
        case Webhook(to=to, url=url):
            return replace(request, to=to, url=url)
        case _:
            return request
