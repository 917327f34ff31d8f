"""Answers to whole questions: one rule explained, or the standing in short."""

from dataclasses import dataclass

from engine.conditions.environment import Catalogue
from engine.explain.case import Case
from engine.explain.proof import Explained, Had, Instant, Overview
from engine.explain.prove import Prover
from engine.explain.subject import WORDS, Subject, find_subject, part_of, subjects
from engine.explain.turn import next_turn
from engine.language.rules import Rules
from engine.standing.changes import changes
from engine.standing.digest import of_cut_offs
from engine.standing.judge import Judge

_MOST_FLIPS = 400


@dataclass(frozen=True)
class Explainer:
    """The rules, compiled, with which cases are explained; see `engine.explain.case.Case`."""

    rules: Rules
    catalogue: Catalogue
    judge: Judge

    def explain(self, case: Case, name: str, *, why_not: bool = False) -> Explained:
        """One rule or attribute: the proof, when it turns and, if asked, the smallest set of clauses that fail.

        Raises:
            UnknownRuleError: there is no rule or attribute of this name.
        """
        subject = find_subject(self.rules, self._meant(case, name))
        prover = Prover(self.rules, self.catalogue, self.judge, case)
        notes = (*_also(subject), *_versions(self.rules, case))
        if part_of(subject) in of_cut_offs(self.rules.standing):
            notes += _cut_offs(case)
        if subject.kind == "attribute":
            return Explained(prover.decided(), attribute=prover.attribute(subject.name), notes=notes)
        return Explained(
            decided=prover.decided(),
            proof=prover.proof(subject),
            turn=next_turn(self.rules, self.catalogue, case, subject),
            why_not=prover.why_not(subject) if why_not else None,
            notes=notes,
        )

    def overview(self, case: Case) -> Overview:
        """The whole standing in short."""
        prover = Prover(self.rules, self.catalogue, self.judge, case)
        standing = prover.standing
        titles: dict[tuple[str, str], str] = {
            (each.kind, each.name): each.title for each in _standing_subjects(self.rules)
        }

        def had(kind: str, name: str) -> Had:
            since = case.since.get((kind, name))
            return Had(kind, name, titles.get((kind, name), ""), None if since is None else Instant(since))

        turns_at, told = self._next_change(case)
        return Overview(
            decided=prover.decided(),
            stage=had("stage", standing.stage) if standing.stage else None,
            tier=had("tier", standing.tier) if standing.tier else None,
            rfm_group=had("rfm_group", standing.rfm_group) if standing.rfm_group else None,
            rfm_scores=(standing.rfm_recency, standing.rfm_frequency, standing.rfm_monetary),
            segments=tuple(had("segment", name) for name in sorted(standing.segments)),
            tags=tuple(had("tag", name) for name in sorted(standing.tags)),
            next_changes=told,
            turns_at=None if turns_at is None else Instant(turns_at),
            notes=(*_versions(self.rules, case), *_cut_offs(case)),
        )

    def _next_change(self, case: Case) -> tuple[int | None, tuple[str, ...]]:
        """The first flip at which something changes, and what does."""
        known = {"cut_offs": case.cut_offs, "hand_tags": case.tags, "events": case.events}
        judged = self.judge(case.facts, case.at, previous=case.previous, **known)  # type: ignore[arg-type]  # as Judge takes them
        for _ in range(_MOST_FLIPS):
            before, flip = judged.standing, judged.next_flip
            if flip is None:
                return None, ()
            judged = self.judge(case.facts, flip, previous=before, **known)  # type: ignore[arg-type]  # likewise
            if found := changes(before, judged.standing, self.rules.standing):
                return flip, tuple(told_change(each.kind, each.before, each.after) for each in found)
        return None, ()

    def _meant(self, case: Case, name: str) -> str:
        """`stage`, `tier` and `rfm_group` alone mean the one that the customer has."""
        if name not in ("stage", "tier", "rfm_group"):
            return name
        held = getattr(Prover(self.rules, self.catalogue, self.judge, case).standing, name)
        return f"{name}/{held}" if held is not None else _last(self.rules, name)


def _last(rules: Rules, kind: str) -> str:
    """Who has none of a kind is told why not of the first one."""
    first = next((each.name for each in _standing_subjects(rules) if each.kind == kind), "")
    return f"{kind}/{first}"


def _standing_subjects(rules: Rules) -> tuple[Subject, ...]:
    return tuple(each for each in subjects(rules) if each.kind != "attribute")


def _also(subject: Subject) -> tuple[str, ...]:
    return tuple(
        f"there is also {'an' if WORDS[kind][0] in 'aR' else 'a'} {WORDS[kind]} of this name: {kind}/{subject.name}"
        for kind in subject.also
    )


def _versions(rules: Rules, case: Case) -> tuple[str, ...]:
    if case.version is None:
        return ("not evaluated by then: this is what the rules say; `regulars evaluate` stores it",)
    if case.version != rules.version:
        return (f"last decided by rules version {case.version}; explained here by those of the project",)
    return ()


def _cut_offs(case: Case) -> tuple[str, ...]:
    if case.cut_offs_as_of is None or case.cut_offs_as_of <= case.at:
        return ()
    return ("no cut-offs of tiers and RFM were published by then: those used here are of a later instant",)


def told_change(kind: str, before: str | None, after: str | None) -> str:
    """One change of standing in words."""
    word = WORDS[kind]
    if before is None:
        return f"gains the {word} {after}"
    if after is None:
        return f"loses the {word} {before}"
    return f"goes from {word} {before} to {after}"
