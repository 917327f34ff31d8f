"""Conditions and values of a simulation, looked up once: what each needs of a customer, and who answers it.

A condition is known by its identity: the rules keep theirs for as long as they are simulated.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from engine.attributes.fold import Fold
from engine.attributes.relations import RELATIONS, SCOPES
from engine.attributes.rows import RowFields, compile_row
from engine.conditions.ast import Condition, names
from engine.conditions.compile import Predicate
from engine.facts.evaluate import Evaluator
from engine.journeys.plan import CalendarTrigger, ChangeTrigger, EventTrigger, Trigger

_PRODUCT, _STEP, _TRIGGER = "product", "step", "trigger"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Names by where their values come from: attributes, standing, and fields of scopes.

    `rows` are what reads those of an order, parcel or case, by scope.
    """

    names: frozenset[str]
    standing: frozenset[str]
    fold: Fold | None
    scopes: frozenset[str]
    rows: Mapping[str, RowFields]

    @property
    def of_the_journey(self) -> bool:
        """Whether something is asked of what started the journey, or of what its steps were answered."""
        return bool(self.scopes & {_STEP, _TRIGGER})

    @property
    def of_products(self) -> bool:
        """Whether something is asked of an order's products."""
        return _PRODUCT in self.scopes


@dataclass(frozen=True, slots=True)
class Question:
    """A condition, compiled, and what it needs."""

    condition: Condition
    """Kept, so that no other gets its identity."""
    predicate: Predicate
    wanted: Wanted


class Questions:
    """Everything that is asked by one version of the rules in one reporting currency."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self._words = tuple((name, tuple(each)) for name, each in (evaluator.words or {}).items())
        self._questions: dict[tuple[int, str], Question] = {}
        self._wanted: dict[frozenset[str], Wanted] = {}
        self._rows: dict[str, RowFields] = {}
        self._kinds: dict[int, tuple[object, frozenset[str]]] = {}
        self._changes: dict[int, tuple[object, tuple[ChangeTrigger, ...]]] = {}

    def condition(self, condition: Condition, kind: str) -> Question:
        """A condition; `kind` is that of the event that started the journey."""
        found = self._questions.get((id(condition), kind))
        if found is None:
            wanted = self.names(frozenset(names(condition)))
            found = Question(condition, self.evaluator.predicate(condition, kind), wanted)
            self._questions[id(condition), kind] = found
        return found

    def names(self, asked: Collection[str]) -> Wanted:
        """Values of these names."""
        key = frozenset(asked)
        found = self._wanted.get(key)
        if found is None:
            attributes, standing, scopes = self.evaluator.sources(key)
            fold = self.evaluator.fold(attributes) if attributes else None
            rows = {scope: self._fields(scope, key) for scope in scopes & SCOPES.keys()}
            found = Wanted(key, standing, fold, scopes, rows)
            self._wanted[key] = found
        return found

    def of_record(self, name: str) -> bool:
        """Whether a value is one of the customer's own record, from the beginning: no other fact tells or moves it."""
        fold, stored = self.names((name,)).fold, RELATIONS["customer"].fields
        return fold is not None and all(
            relation == "customer" and all(stored[each].since is None for each in fields)
            for relation, fields in fold.reads.items()
        )

    def row(self, relation: str) -> RowFields:
        """What reads all fields of a relation's row."""
        found = self._rows.get(relation)
        if found is None:
            found = self._rows[relation] = self._row(relation, "", None)
        return found

    def _fields(self, scope: str, asked: Collection[str]) -> RowFields:
        only = frozenset(name.partition(".")[2] for name in asked if name.startswith(f"{scope}."))
        return self._row(SCOPES[scope], f"{scope}.", only)

    def _row(self, relation: str, prefix: str, only: frozenset[str] | None) -> RowFields:
        return compile_row(relation, self.evaluator.catalogue.currency, prefix, self._words, only)

    def kinds(self, triggers: Iterable[Trigger | CalendarTrigger]) -> frozenset[str]:
        """The kinds of events that triggers name."""
        found = self._kinds.get(id(triggers))
        if found is None:
            found = (triggers, frozenset(each.event for each in triggers if isinstance(each, EventTrigger)))
            self._kinds[id(triggers)] = found
        return found[1]

    def changes(self, triggers: Iterable[Trigger | CalendarTrigger]) -> tuple[ChangeTrigger, ...]:
        """The triggers that name changes of standing."""
        found = self._changes.get(id(triggers))
        if found is None:
            found = (triggers, tuple(each for each in triggers if isinstance(each, ChangeTrigger)))
            self._changes[id(triggers)] = found
        return found[1]
