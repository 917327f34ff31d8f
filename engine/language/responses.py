"""Assumed responses: the file that says how many open, click and order, for a simulation that nobody answers."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from engine.calendar.durations import Duration
from engine.language.issues import Issue, Report, did_you_mean, one_of, ordered
from engine.language.located import Mapping, Node, Scalar, Sequence
from engine.language.model import Model
from engine.language.reader import read
from engine.language.rules import Rules
from engine.language.validate import mapping, validate
from engine.language.values import DurationText, Names, refuse

ALL = 1_000_000
"""A whole, in the millionths that shares are counted in."""
_SHARE = re.compile(r"(-?[0-9]{1,9}(?:\.[0-9]{1,4})?)%")
_HOUR, _DAY = 3600, 86400


def read_share(value: object) -> int:
    """A share in millionths from `12%` or 0.12."""
    percent = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if percent is not None:
        share = Decimal(percent[1]) / 100
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        share = Decimal(value)
    else:
        raise refuse("RG203", "a share such as 12% or 0.12")
    if not 0 <= share <= 1:
        hint = f"did you mean {value}%?" if isinstance(value, int) and 1 < value <= 100 else ""
        raise refuse("RG209", "a share from 0% to 100%", hint)
    return int(share * ALL)


ShareText = Annotated[
    int,
    PlainValidator(read_share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^[0-9]{1,3}(\.[0-9]{1,4})?%$"},
                {"type": "number", "minimum": 0, "maximum": 1},
            ],
            "examples": ["12%", 0.12],
        }
    ),
]


class WithinModel(Model):
    """How long it takes at most; each instant until then is as likely as any other."""

    open: DurationText = Field(default=Duration(24, "h"), description="From sending to opening; default: 24h.")
    click: DurationText = Field(default=Duration(1, "h"), description="From opening to clicking; default: 1h.")
    order: DurationText = Field(default=Duration(7, "d"), description="From sending to the order; default: 7d.")


class ShareModel(Model):
    """How many respond to some messages. What it does not name may be any."""

    playbook: Names | None = Field(default=None, description="Messages of this playbook or campaign, or of several.")
    segment: Names | None = Field(default=None, description="Customers in this segment, or in one of several.")
    stage: Names | None = Field(default=None, description="Customers in this stage of the lifecycle, or in several.")
    channel: Names | None = Field(default=None, description="Messages by this channel, or by several.")
    open: ShareText = Field(default=0, description="The share of messages that are opened; default: none.")
    click: ShareText = Field(
        default=0, description="The share of messages that are clicked, which are opened too; default: none."
    )
    order: ShareText = Field(
        default=0,
        description="The share of messages that an order follows which would not have been without; default: none.",
    )


class ResponsesFile(Model):
    """What is assumed of those who get messages."""

    seed: int = Field(default=1, ge=0, description="Another one draws others, as many of them.")
    within: WithinModel = Field(default_factory=WithinModel, description="How long responses take at most.")
    shares: list[ShareModel] = Field(description="Shares; the first that fits a message counts, without one none.")


@dataclass(frozen=True, slots=True)
class Share:
    """Shares in millionths, of the messages and customers that are named; None: of any."""

    playbooks: tuple[str, ...] | None
    segments: tuple[str, ...] | None
    stages: tuple[str, ...] | None
    channels: tuple[str, ...] | None
    open: int
    click: int
    order: int

    def fits(self, playbook: str, channel: str, segments: Collection[str], stage: str | None) -> bool:
        """Whether it is meant of a message to a customer with this standing."""
        return (
            (self.playbooks is None or playbook in self.playbooks)
            and (self.channels is None or channel in self.channels)
            and (self.segments is None or any(name in segments for name in self.segments))
            and (self.stages is None or stage in self.stages)
        )


@dataclass(frozen=True, slots=True)
class Responses:
    """What is assumed; times in seconds."""

    seed: int
    open_within: int
    click_within: int
    order_within: int
    shares: tuple[Share, ...]

    @property
    def parts(self) -> frozenset[str]:
        """The parts of standing (`segment NAME`, `stage`) that it asks for."""
        segments = {f"segment {name}" for each in self.shares for name in each.segments or ()}
        return frozenset(segments | {"stage" for each in self.shares if each.stages is not None})


def read_responses(text: str, file: str, rules: Rules) -> tuple[Responses | None, tuple[Issue, ...]]:
    """Reads a file of responses.

    Args:
        text: the file's text.
        file: its path, as issues name it.
        rules: whose playbooks, campaigns, segments, stages and channels it may name.

    Returns:
        What it says, or None if there are errors; and all issues, by place.
    """
    report = Report(file)
    root = read(text, report)
    held = None if root is None else mapping(root, report, "a mapping with the key shares")
    model = None if held is None else validate(ResponsesFile, held, report)
    if held is not None:
        _check(held.get("shares"), model, rules, report)
    return (_compiled(model) if model is not None and not report.faults else None), ordered(report.issues)


def _check(node: Node | None, model: ResponsesFile | None, rules: Rules, report: Report) -> None:
    """Names that there are, and shares that go together."""
    if isinstance(node, Sequence) and not node.items:
        report.error("RG211", node.span, "an empty list", "at least one entry")
    stages = rules.standing.lifecycle.stages if rules.standing.lifecycle else ()
    known = {
        "playbook": ("RG322", "a playbook or campaign", {*rules.plans, *rules.campaigns}),
        "segment": ("RG316", "a segment", {each.name for each in rules.standing.segments}),
        "stage": ("RG317", "a stage", {each.name for each in stages}),
        "channel": ("RG305", "a channel of policy.yaml", set(rules.policy.channels)),
    }
    for number, item in enumerate(node.items if isinstance(node, Sequence) else ()):
        if not isinstance(item, Mapping):
            continue
        for key, (code, what, names) in known.items():
            for scalar in _scalars(item.get(key)):
                if scalar.text not in names:
                    listed = one_of(sorted(names))
                    expected = f"{what}: {listed}" if listed else what
                    report.error(code, scalar.span, scalar.text, expected, did_you_mean(scalar.text, names))
        click = item.get("click")
        if model is not None and click is not None and model.shares[number].click > model.shares[number].open:
            expected = "a share that is not above that of open"
            report.error("RG209", click.span, f"{getattr(click, 'text', '')}", expected, "whoever clicks has opened")


def _scalars(node: Node | None) -> Iterator[Scalar]:
    for each in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(each, Scalar):
            yield each


def _compiled(model: ResponsesFile) -> Responses:
    within = model.within
    shares = tuple(
        Share(
            playbooks=each.playbook,
            segments=each.segment,
            stages=each.stage,
            channels=each.channel,
            open=each.open,
            click=each.click,
            order=each.order,
        )
        for each in model.shares
    )
    return Responses(model.seed, within.open.seconds, within.click.seconds, within.order.seconds, shares)
