"""What an edit would do to journeys under way, told before it does: by playbook, and by the step they stand at."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import psycopg

from engine.dispatch.versions import StoredVersions
from engine.edits.positions import Positions
from engine.journeys.migrate import Moved, NoPlace, migrate, shown
from engine.journeys.places import standing
from engine.journeys.plan import Plan, Send, TemplateBy
from engine.language.rules import Rules

Connection = psycopg.Connection[Any]
Policy = Literal["pin", "migrate", "drain"]

_UNDER_WAY = """
select playbook, version, count(*) from journeys
 where state in ('running', 'held') and playbook = any(%s) and version <> %s group by 1, 2 order by 1, 2
"""
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class LivePosition:
    """Journeys of one version at one step. `to`: where they go on; `why`: they cannot, since the edit has no place."""

    step: str
    version: str
    count: int
    to: str = ""
    why: str = ""


@dataclass(frozen=True)
class PlannedEdit:
    """One edited playbook that has journeys under way.

    Attributes:
        playbook: its name.
        policy: what the new version says of journeys under way.
        versions: how many are under way by each version of another plan; those that wait for a person too.
        positions: where they stand, as far as it is known; empty where nobody has asked, or nobody needs to.
    """

    playbook: str
    policy: Policy
    versions: Mapping[str, int]
    positions: tuple[LivePosition, ...] = ()

    @property
    def running(self) -> int:
        """How many journeys it concerns."""
        return sum(self.versions.values())

    @property
    def refused(self) -> tuple[LivePosition, ...]:
        """The positions of which the new version has none: the edit is refused while somebody stands there."""
        return tuple(each for each in self.positions if each.why)


@dataclass
class _Places:
    """Where each position of a plan leads to in the new one, each asked once."""

    new: Plan
    known: dict[str, dict[str, list[Moved | NoPlace]]] = field(default_factory=dict)

    def of(self, version: str, old: Plan, step: str) -> list[Moved | NoPlace]:
        if version not in self.known:
            places: dict[str, list[Moved | NoPlace]] = {}
            for at, state in standing(old, _SOME_DAY, _SOME_DAY):
                places.setdefault(at, []).append(migrate(old, state, self.new))
            self.known[version] = places
        return self.known[version].get(step, [])


def planned_edits(
    connection: Connection,
    old: Rules | None,
    new: Rules,
    *,
    versions: StoredVersions | None = None,
    positions: Positions | None = None,
) -> list[PlannedEdit]:
    """The playbooks whose plan another version changes for journeys under way.

    Args:
        connection: an open connection whose `search_path` has the tables.
        old: the rules in force; None if there are none.
        new: the rules that come into force.
        versions: gives the rules of older versions, by which journeys may be under way still.
        positions: where journeys stand, as `engine.edits.positions` reads it; without it nothing is said of that.
    """
    stored = versions or StoredVersions()
    for rules in (old, new):
        if rules is not None:
            stored.compiled.setdefault(rules.version, rules)
    found: dict[str, dict[str, int]] = {}
    for playbook, version, count in connection.execute(_UNDER_WAY, (list(new.plans), new.version)).fetchall():
        if changes(connection, stored, version, new, playbook):
            found.setdefault(playbook, {})[version] = count
    return [_planned(connection, stored, new, name, counts, positions or {}) for name, counts in found.items()]


def _planned(
    connection: Connection,
    stored: StoredVersions,
    new: Rules,
    playbook: str,
    counts: Mapping[str, int],
    positions: Positions,
) -> PlannedEdit:
    plan = new.plans[playbook]
    policy = plan.controls.edits
    places = _Places(plan)
    live: list[LivePosition] = []
    for stand, count in sorted(positions.items()):
        old = stored.find(connection, stand.version, playbook) if stand.version in counts else None
        if stand.playbook == playbook and old is not None:
            to = places.of(stand.version, old, stand.step) if policy == "migrate" else []
            live.append(_position(plan, stand.step, stand.version, count, to))
    return PlannedEdit(playbook, policy, counts, tuple(live))


def _position(plan: Plan, step: str, version: str, count: int, places: Sequence[Moved | NoPlace]) -> LivePosition:
    """Of steps that go on at once only the whole is shown: all that can be stood at inside must have a place."""
    without = next((each for each in places if isinstance(each, NoPlace)), None)
    if without is not None:
        inside = f"{without.step}: " if without.step != step else ""
        return LivePosition(step, version, count, why=inside + without.why)
    to = Counter(shown(plan, each) for each in places if isinstance(each, Moved)).most_common(1)
    return LivePosition(step, version, count, to=to[0][0] if to else step)


def changes(connection: Connection, versions: StoredVersions, version: str, new: Rules, playbook: str) -> bool:
    """Whether journeys of a version would find other steps, triggers, terms or messages in the new one.

    One whose plan this engine cannot make any more goes on by the plan it carries.
    """
    if version == new.version:
        return False
    old = versions.find(connection, version, playbook)
    if old is None:
        return False
    plan = new.plans[playbook]
    before = versions.get(connection, version)
    return _carried(old) != _carried(plan) or _wordings(before, old) != _wordings(new, plan)


def _carried(plan: Plan) -> tuple[object, ...]:
    """What a plan says to journeys that have begun."""
    controls = plan.controls.model_copy(update={"edits": "pin"})
    return plan.subject, plan.stop, plan.goal, controls, plan.code


def _wordings(rules: Rules, plan: Plan) -> dict[str, str]:
    """The files of the templates that a plan names."""
    heads = tuple(f"templates/{name}." for name in _templates(plan))
    return {path: text for path, text in rules.files.items() if path.startswith(heads)}


def _templates(plan: Plan) -> Iterator[str]:
    for step in plan.code:
        match step:
            case Send(template=TemplateBy() as chosen):
                yield from (*chosen.cases.values(), chosen.default)
            case Send(template=str(name)):
                yield name
