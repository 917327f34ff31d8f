"""All rules of a project, compiled: what is sound is ready to run, what is not is disabled by name."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.attributes.definition import AttributeDefinition
from engine.journeys.campaign import Campaign
from engine.journeys.plan import Plan
from engine.language.attributes import Declared, compile_attributes
from engine.language.campaigns import compile_campaign, with_capacities
from engine.language.circles import check_circles
from engine.language.events import events_of
from engine.language.files import read_directory, shipped_contracts
from engine.language.issues import Issue, Report, disables, ordered
from engine.language.kinds import kind_by_place, kind_of
from engine.language.located import Mapping as LocatedMapping
from engine.language.located import Node, Scalar
from engine.language.own import OwnActivities, is_declaration, read_own
from engine.language.playbooks import Surroundings, compile_playbook
from engine.language.policy import compile_policy
from engine.language.pools import Pool, compile_pools
from engine.language.ratios import check_ratios
from engine.language.reader import read, readable
from engine.language.scope import Names, Scope, typed_attributes
from engine.language.standing.compile import compile_standing, hand_tags
from engine.language.standing.names import CHANGES, standing_names
from engine.language.standing.names import RESERVED as RESERVED_NAMES
from engine.language.standing.parts import part_of
from engine.language.standing.sense import check_lifecycle, check_unused
from engine.language.standing.words import check_keywords, compile_words
from engine.language.when_triggers import with_conditions
from engine.own.load import declarations, folder_of
from engine.policy import Capacity, Policy
from engine.standing.definition import StandingRules

_TEMPLATES = "templates/"


@dataclass(frozen=True)
class Rules:
    """Compiled rules.

    `version` is the content hash that names them. `plans` are the sound playbooks only, each with this version;
    `templates` are texts by their path under rules/templates. `disabled` names what has errors.
    """

    version: str
    files: Mapping[str, str]
    catalogue: Mapping[str, AttributeDefinition]
    policy: Policy
    plans: Mapping[str, Plan]
    templates: Mapping[str, str]
    issues: tuple[Issue, ...]
    disabled: tuple[str, ...] = ()
    standing: StandingRules = field(default_factory=StandingRules)
    """Sound rules only, with the order in which they are decided."""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Word lists by name."""
    hand_tags: Mapping[str, str] = field(default_factory=dict)
    """Titles of tags that only people and playbooks give, by name."""
    names: Names = field(default_factory=dict)
    """What conditions may name besides attributes: tags, segments, stage, tier and those of RFM."""

    own: OwnActivities = field(default_factory=OwnActivities)
    """Activities of the project's own."""

    pools: Mapping[str, Pool] = field(default_factory=dict)
    """Sound pools of coupons by name."""

    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    """Sound campaigns by name, each with this version; their capacities are among the policy's."""

    @property
    def sound(self) -> bool:
        """Whether there are no errors; warnings may be."""
        return all(issue.severity != "error" for issue in self.issues)

    def plan(self, name: str) -> Plan | None:
        """The plan of a playbook, or one customer's part of a campaign, by its name."""
        campaign = self.campaigns.get(name)
        return self.plans.get(name) if campaign is None else campaign.plan


@dataclass(slots=True)
class _Parsed:
    """The files' trees by kind, a report for each file, and the kinds of which a file could not be read."""

    trees: dict[str, list[tuple[LocatedMapping, Report]]] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)


def load_rules(directory: Path, contracts: Mapping[str, Mapping[str, Any]] | None = None) -> Rules:
    """Reads and compiles the rules of a directory with the activities beside it; see `compile_rules`.

    Raises:
        OSError: the directory or a file in it cannot be read.
    """
    return compile_rules({**read_directory(directory), **declarations(folder_of(directory))}, contracts)


def compile_rules(files: Mapping[str, str], contracts: Mapping[str, Mapping[str, Any]] | None = None) -> Rules:
    """Compiles rules.

    Args:
        files: Texts by their path relative to the rules directory.
        contracts: JSON Schemas by kind of event; default: those that ship.
    """
    parsed = _parse(files)
    own, of_own = read_own(files)
    parsed.reports += of_own
    templates = {path.removeprefix(_TEMPLATES): text for path, text in files.items() if path.startswith(_TEMPLATES)}
    words = _words(parsed)
    known_words = None if "words" in parsed.unreadable else frozenset(words)
    declared = _attributes(parsed, known_words)
    lost = check_ratios(declared)
    catalogue = {name: each.definition for name, each in declared.items() if each.definition and name not in lost}
    broken = frozenset(declared) - catalogue.keys()
    names = standing_names(parsed.trees, parsed.unreadable)
    changes = {kind: names[name] for kind, name in CHANGES.items() if name in names}
    events = replace(events_of(shipped_contracts() if contracts is None else contracts), changes=changes)
    scope = Scope(
        what="an attribute",
        code="RG301",
        bare={**typed_attributes(catalogue), **names},
        broken=broken - names.keys(),
        incomplete="attributes" in parsed.unreadable,
        events=events.history,
    )
    policy = _policy(parsed, scope)
    pools = compile_pools(parsed.trees.get("coupons", []))
    standing = compile_standing(
        parsed.trees, scope, policy.currency if policy else None, known_words, parsed.unreadable
    )
    check_lifecycle(standing, parsed.trees, scope.bare)
    check_unused(standing, parsed.trees, templates.values())
    standing.settle()
    around = Surroundings(
        scope=scope,
        disables=standing.disables,
        events=events,
        policy=policy,
        templates=frozenset(templates),
        playbooks=_playbooks(parsed),
        pools=None if "coupons" in parsed.unreadable else pools,
        words=known_words,
        own=own,
    )
    version = content_hash(files)
    campaigns, capacities = _campaigns(parsed, around, version)
    compiled = _plans(parsed, around)
    circular = check_circles(around.causes, compiled)
    plans = {
        name: plan.model_copy(update={"version": version}) for name, plan in compiled.items() if name not in circular
    }
    issues = ordered(issue for report in parsed.reports for issue in report.issues)
    return Rules(
        version=version,
        files=dict(files),
        catalogue=catalogue,
        policy=with_capacities(policy or Policy(), capacities),
        plans=plans,
        campaigns=campaigns,
        templates=templates,
        issues=issues,
        disabled=_disabled(
            issues, {f"attribute {name}" for name in broken} | {standing.parts[name].called for name in standing.broken}
        ),
        standing=with_conditions(standing.rules, plans.values()),
        words={name: words_of for name, words_of in words.items() if words_of is not None},
        hand_tags=hand_tags(parsed.trees, standing),
        names=names,
        own=own,
        pools={name: pool for name, pool in pools.items() if pool is not None},
    )


def content_hash(files: Mapping[str, str]) -> str:
    """The name of a version: 16 hexadecimal digits of the SHA-256 of all files that can change what the rules do."""
    digest = hashlib.sha256()
    for path in sorted(files):
        if not is_test(path):
            text = files[path].encode("utf-8", "surrogatepass")
            digest.update(f"{path}\0{len(text)}\0".encode("utf-8", "surrogatepass") + text)
    return digest.hexdigest()[:16]


def is_test(path: str) -> bool:
    """Whether a file tests rules and is none itself."""
    return path.endswith((".test.yaml", ".test.yml"))


def _parse(files: Mapping[str, str]) -> _Parsed:
    parsed = _Parsed()
    for path in sorted(files):
        report = Report(path)
        parsed.reports.append(report)
        if path.startswith(_TEMPLATES):
            readable(files[path], report)
        elif not is_test(path) and not is_declaration(path):
            _parse_rules(files[path], report, parsed)
    return parsed


@lru_cache(maxsize=128)
def _tree(text: str) -> tuple[Node | None, tuple[Issue, ...]]:
    """A text's tree: whoever loads rules again, after one file of many has changed, waits for that one only."""
    report = Report("")
    tree = read(text, report)
    return tree, tuple(report.issues)


def _parse_rules(text: str, report: Report, parsed: _Parsed) -> None:
    tree, issues = _tree(text)
    report.issues += [replace(issue, file=report.file) for issue in issues]
    report.faults += sum(map(disables, issues))
    kind = None if tree is None else kind_of(tree, report.file, report)
    if kind is not None and isinstance(tree, LocatedMapping):
        parsed.trees.setdefault(kind, []).append((tree, report))
    elif lost := kind_by_place(report.file):
        parsed.unreadable.add(lost)


def _words(parsed: _Parsed) -> dict[str, tuple[str, ...] | None]:
    """All word lists by name, those with errors without words; of two with one name the first counts."""
    first: dict[str, tuple[str, int]] = {}
    words: dict[str, tuple[str, ...] | None] = {}
    for tree, report in parsed.trees.get("words", ()):
        for name, (entry, listed) in compile_words(tree, report).items():
            if name in first:
                hint = f"it is first given in {first[name][0]}:{first[name][1]}"
                report.error("RG309", entry.span, name, "each word list once", hint)
            else:
                first[name], words[name] = (report.file, entry.span.line), listed
    return words


def _attributes(parsed: _Parsed, words: frozenset[str] | None) -> dict[str, Declared]:
    """All attributes by name; of two with one name the first counts."""
    declared: dict[str, Declared] = {}
    for tree, report in parsed.trees.get("attributes", ()):
        for each in compile_attributes(tree, report):
            if first := declared.get(each.name):
                hint = f"it is first given in {first.report.file}:{first.entry.span.line}"
                report.error("RG309", each.entry.span, each.name, "each attribute once", hint)
            else:
                declared[each.name] = _with_names_checked(each, words)
    return declared


def _with_names_checked(each: Declared, words: frozenset[str] | None) -> Declared:
    """The attribute, without a definition if its name or a word list that it names is wrong."""
    before = each.report.faults
    with part_of(each.report, f"attribute {each.name}"):
        if each.name in RESERVED_NAMES:
            expected = "a name that rules of standing do not give themselves"
            each.report.error("RG310", each.entry.span, each.name, expected, f"such as own_{each.name}")
        if words is not None:
            check_keywords(each.entry.value, words, each.report)
    return each if each.report.faults == before else replace(each, definition=None)


def _policy(parsed: _Parsed, scope: Scope) -> Policy | None:
    """The policy; the default one where no file gives any, None where it has errors."""
    trees = parsed.trees.get("policy", [])
    for tree, report in trees[1:]:
        hint = f"it is first given in {trees[0][1].file}"
        report.error("RG309", tree.entries[0].span, "policy", "one policy", hint)
    if not trees:
        return None if "policy" in parsed.unreadable else Policy()
    known = frozenset({*_playbooks(parsed), *_named(parsed, "campaign")})
    playbooks = None if parsed.unreadable & {"playbook", "campaign"} else known
    policy = compile_policy(trees[0][0], scope, trees[0][1], playbooks)
    return None if len(trees) > 1 or "policy" in parsed.unreadable else policy


def _named(parsed: _Parsed, kind: str) -> list[str]:
    """What files of a kind call themselves, sound or not."""
    names = [tree.get(kind) for tree, _ in parsed.trees.get(kind, ())]
    return [name.text for name in names if isinstance(name, Scalar)]


def _playbooks(parsed: _Parsed) -> dict[str, str]:
    """Subjects of all playbooks by name, sound or not; empty where none is said."""
    told = [(tree.get("playbook"), tree.get("for")) for tree, _ in parsed.trees.get("playbook", ())]
    return {
        name.text: subject.text if isinstance(subject, Scalar) else ""
        for name, subject in told
        if isinstance(name, Scalar)
    }


def _plans(parsed: _Parsed, around: Surroundings) -> dict[str, Plan]:
    """The sound plans by name; of two with one name neither runs."""
    places: dict[str, str] = {}
    plans: dict[str, Plan] = {}
    for tree, report in parsed.trees.get("playbook", ()):
        named = tree.entry("playbook")
        name = named.value.text if named and isinstance(named.value, Scalar) else ""
        report.rule = f"playbook {name or report.file}"
        plan = compile_playbook(tree, around, report)
        if named and name in places:
            hint = f"it is first given in {places[name]}"
            report.error("RG309", named.value.span, name, "each playbook once", hint)
            plans.pop(name, None)
        elif plan is not None:
            plans[name] = plan
        places.setdefault(name, report.file)
        report.rule = ""
    return plans


def _campaigns(parsed: _Parsed, around: Surroundings, version: str) -> tuple[dict[str, Campaign], dict[str, Capacity]]:
    """The sound campaigns by name, and the capacities of their own; of two with one name neither runs."""
    places: dict[str, str] = {}
    campaigns: dict[str, Campaign] = {}
    capacities: dict[str, Capacity] = {}
    for tree, report in parsed.trees.get("campaign", ()):
        named = tree.entry("campaign")
        name = named.value.text if named and isinstance(named.value, Scalar) else ""
        compiled = compile_campaign(tree, around, report)
        if named and name in places:
            with part_of(report, f"campaign {name}"):
                report.error(
                    "RG309", named.value.span, name, "each campaign once", f"it is first given in {places[name]}"
                )
            campaigns.pop(name, None)
            capacities.pop(name, None)
        elif compiled is not None:
            campaigns[name] = compiled[0].model_copy(update={"version": version})
            if compiled[1] is not None:
                capacities[name] = compiled[1]
        places.setdefault(name, report.file)
    return campaigns, capacities


def _disabled(issues: Iterable[Issue], broken: set[str]) -> tuple[str, ...]:
    """Names of all rules that have errors or depend on one that has."""
    rules = {issue.rule for issue in issues if issue.rule and disables(issue)}
    return tuple(sorted(rules | broken))
