"""Test files, from text to cases. What is wrong in one is a located issue, as in rules; its other tests still run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.language.issues import Issue, Report, did_you_mean, one_of, ordered
from engine.language.located import Entry, Node, Scalar, found, is_nothing
from engine.language.located import Mapping as Located
from engine.language.reader import read
from engine.language.rules import Rules, is_test
from engine.language.validate import mapping
from engine.language.values import currencies, zones
from engine.ruletests import keys
from engine.ruletests.case import Case, Expected
from engine.ruletests.customer import customer_facts
from engine.ruletests.events import read_events
from engine.ruletests.expectations import read_expected, turned
from engine.ruletests.given import read_before, read_cut_offs, read_hand_tags
from engine.ruletests.moments import EXPECTED as INSTANT
from engine.ruletests.moments import Moments, local_instant
from engine.ruletests.notation import NOTATIONS
from engine.ruletests.rows import Row, read_customer, read_rows
from engine.ruletests.staging import read_scenario

_SETTING = tuple(keys.SETTINGS)
_FACTS = tuple(keys.FACTS)
_TEST = (*_SETTING, *_FACTS, *keys.RESULTS)
_SHARED = (*_SETTING, *_FACTS)
_FILE = (*_SHARED, "tests")
_OF_PLAYBOOK = ("until", "holdout", "arms", "answers")


@dataclass(frozen=True, slots=True)
class Suite:
    """The sound tests of files, and what is wrong with the others."""

    cases: tuple[Case, ...]
    issues: tuple[Issue, ...]


def read_tests(rules: Rules, only: frozenset[str] | None = None) -> Suite:
    """Reads the `*.test.yaml` files among the rules' files; those of a set of paths, or all."""
    cases: list[Case] = []
    issues: list[Issue] = []
    for path in sorted(rules.files):
        if is_test(path) and (only is None or path in only):
            report = Report(path)
            cases += _file(rules.files[path], rules, report)
            issues += report.issues
    return Suite(tuple(cases), ordered(issues))


def _file(text: str, rules: Rules, report: Report) -> list[Case]:
    root = read(text, report)
    if root is None:
        return []
    held = mapping(root, report, "a file with the key tests")
    if held is None:
        return []
    for entry in held:
        if entry.key not in _FILE:
            report.error("RG201", entry.span, entry.key, one_of(_FILE), did_you_mean(entry.key, _FILE))
    tests = held.entry("tests")
    if tests is None:
        report.error("RG202", held.span, "no key tests", "the key tests")
        return []
    named = mapping(tests.value, report, "tests by what they say", tests.span)
    if named is not None and not named.entries:
        report.error("RG211", named.span, "an empty mapping", "at least one test")
    shared = {entry.key: entry for entry in held if entry.key in _SHARED}
    return [case for entry in named or () for case in _tests(entry, shared, rules, report)]


def _tests(entry: Entry, shared: Mapping[str, Entry], rules: Rules, report: Report) -> Iterator[Case]:
    """A test, and one for each of its `but`."""
    held = mapping(entry.value, report, f"a mapping with {one_of(_TEST, 20)}", entry.span)
    if held is None:
        return
    before = report.faults
    parts = _merged(shared, _known(held, _TEST, report))
    of_playbook = "playbook" in parts
    expect = parts.get("expect") if of_playbook else parts.pop("expect", None)
    variants = parts.pop("but", None)
    if expect is None:
        report.error("RG202", entry.span, "no key expect", "the key expect")
        return
    expected = () if of_playbook else read_expected(expect.value, rules, report)
    if report.faults == before:
        yield from _case(entry.key, entry, parts, expected, rules, report)
        if variants is not None:
            yield from _variants(entry, variants, parts, expected, rules, report)


def _known(held: Located, known: tuple[str, ...], report: Report) -> dict[str, Entry]:
    for each in held:
        if each.key not in known:
            hint = (
                f"{each.key} are written inside of their order"
                if each.key in keys.INSIDE
                else did_you_mean(each.key, known)
            )
            report.error("RG201", each.span, each.key, one_of(known, 20), hint)
        elif is_nothing(each.value):
            report.error("RG203", each.span, "nothing", "a value", "write one, or remove the key")
    return {each.key: each for each in held if each.key in known and not is_nothing(each.value)}


def _variants(
    test: Entry,
    variants: Entry,
    parts: Mapping[str, Entry],
    expected: tuple[Expected, ...],
    rules: Rules,
    report: Report,
) -> Iterator[Case]:
    held = mapping(variants.value, report, "variants by what they say", variants.span)
    for entry in held or ():
        changed = mapping(entry.value, report, f"a mapping with {one_of(_TEST, 20)}", entry.span)
        if changed is None:
            continue
        before = report.faults
        own = _known(changed, (*_SETTING, *_FACTS, "expect"), report)
        wanted = _of_variant(own, parts, expected, rules, report)
        if wanted is None:
            hint = "only includes and excludes can be turned around"
            report.error("RG202", entry.span, "no key expect", "the key expect", hint)
        elif report.faults == before:
            yield from _case(f"{test.key} / {entry.key}", entry, _merged(parts, own), wanted, rules, report)


def _of_variant(
    own: dict[str, Entry],
    parts: Mapping[str, Entry],
    expected: tuple[Expected, ...],
    rules: Rules,
    report: Report,
) -> tuple[Expected, ...] | None:
    """What a variant expects; None if it has to say that itself, as one of a playbook has."""
    if "playbook" in parts or "playbook" in own:
        return () if "expect" in own else None
    expect = own.pop("expect", None)
    return turned(expected) if expect is None else read_expected(expect.value, rules, report)


def _merged(base: Mapping[str, Entry], own: Mapping[str, Entry]) -> dict[str, Entry]:
    """The variant's parts in place of the test's; of the customer field by field."""
    merged = {**base, **own}
    before, after = base.get("customer"), own.get("customer")
    if before and after and isinstance(before.value, Located) and isinstance(after.value, Located):
        fields = {each.key: each for each in (*before.value, *after.value)}
        merged["customer"] = Entry("customer", after.span, Located(after.value.span, tuple(fields.values())))
    return merged


def _case(
    name: str, entry: Entry, parts: Mapping[str, Entry], expected: tuple[Expected, ...], rules: Rules, report: Report
) -> Iterator[Case]:
    faults = report.faults
    zone = _choice(parts.get("zone"), zones(), "a time zone such as Europe/Berlin", report) or rules.policy.zone
    at = _at(parts.get("at"), zone, entry, report)
    moments = Moments(at, _zone_of(parts, zone))
    person = _person(parts.get("customer"), moments, report)
    rows = {key: read_rows(key, parts[key].value, moments, report) for key in keys.ROWS if key in parts}
    cut_offs = read_cut_offs(parts["cut_offs"].value, rules, report) if "cut_offs" in parts else None
    previous = read_before(parts["before"].value, rules, moments, report) if "before" in parts else None
    hand = read_hand_tags(parts["hand_tags"].value, rules, moments, report) if "hand_tags" in parts else ()
    of_playbook = "playbook" in parts
    for key in () if of_playbook else _OF_PLAYBOOK:
        if key in parts:
            hint = "say at the top which playbook is tested: playbook: NAME"
            report.error("RG201", parts[key].span, key, "it in a test of a playbook", hint)
    events = read_events(parts["events"].value, moments, report) if "events" in parts and not of_playbook else ()
    own = _choice(parts.get("currency"), currencies(), "a currency of ISO 4217 such as EUR", report)
    if report.faults == faults:
        _check_orders(rows.get("orders", []), parts.get("orders"), report)
    if report.faults > faults:
        return
    currency = own or rules.policy.currency or _currency(rows)
    facts = customer_facts(person, rows, zone, currency)
    scenario = read_scenario(parts, facts, rules, moments, report) if of_playbook else None
    if report.faults == faults:
        yield Case(
            name, report.file, entry.span, at, currency, facts, expected, cut_offs, previous, hand, events, scenario
        )


def _at(entry: Entry | None, zone: str, test: Entry, report: Report) -> int:
    if entry is None:
        report.error("RG202", test.span, "no key at", "the key at, here or at the top of the file: as of when")
        return 0
    text = entry.value.text if isinstance(entry.value, Scalar) else ""
    at = local_instant(text, zone)
    if at is None:
        report.error("RG401", entry.value.span, found(entry.value), INSTANT.partition(", ")[2])
    return at or 0


def _choice(entry: Entry | None, known: frozenset[str], what: str, report: Report) -> str | None:
    if entry is None:
        return None
    text = entry.value.text if isinstance(entry.value, Scalar) else ""
    if text not in known:
        report.error("RG212", entry.value.span, found(entry.value), what, did_you_mean(text, known))
    return text


def _zone_of(parts: Mapping[str, Entry], otherwise: str) -> str:
    """The customer's own zone, in which local times are meant."""
    person = parts.get("customer")
    own = person.value.get("zone") if person and isinstance(person.value, Located) else None
    return own.text if isinstance(own, Scalar) and own.text in zones() else otherwise


def _person(entry: Entry | None, moments: Moments, report: Report) -> dict[str, object]:
    held = None if entry is None else mapping(entry.value, report, "what is known of the person", entry.span)
    if held is None:
        return dict(NOTATIONS["customer"].unsaid)
    named: Node | None = held.get("zone")
    if isinstance(named, Scalar) and named.text not in zones():
        report.error(
            "RG212", named.span, found(named), "a time zone such as Europe/Berlin", did_you_mean(named.text, zones())
        )
    return read_customer(held, moments, report)


def _check_orders(orders: list[Row], entry: Entry | None, report: Report) -> None:
    if entry is not None and any(row.values.keys().isdisjoint(("placed_at", "paid_at")) for row in orders):
        report.error("RG202", entry.span, "an order without placed", "the key placed, or paid, for each order")


def _currency(rows: Mapping[str, list[Row]]) -> str | None:
    """That of the first amount, where neither the test nor the policy names one."""
    for each in rows.values():
        for row in each:
            inside = [one.currency for under in row.inside.values() for one in under]
            if named := next((currency for currency in (row.currency, *inside) if currency), None):
                return named
    return None
