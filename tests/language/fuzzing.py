"""What fuzzing takes its pieces from, and what must hold of every input, in tests and in `make bench NAME=fuzz`."""

import json

from engine.attributes.fold import compile_fold
from engine.attributes.relations import RELATIONS, SCOPES
from engine.conditions.compile import compile_condition, compile_where
from engine.conditions.environment import Catalogue
from engine.journeys.plan import Again, Branch, ChangeTrigger, EventTrigger, Join, Parallel, Plan
from engine.language.events import events_of
from engine.language.files import SCHEMAS, read_directory, shipped_contracts
from engine.language.issues import TITLES
from engine.language.reader import lines
from engine.language.render import FORMATS
from engine.language.rules import compile_rules, is_test
from engine.standing.decide import Decide
from tests.language.shop import SHOP

SHIPPED = {
    **read_directory(SCHEMAS.parent / "rules"),
    **{f"tests/{path}": text for path, text in SHOP.items() if not path.startswith("templates/")},
}
RULE_FILES = sorted(path for path in SHIPPED if not path.startswith("templates/") and not is_test(path))
EVENTS = events_of(shipped_contracts())
# Pieces that mean something to YAML, to the language or to people who write neither; separated by spaces where shown.
WORDS = [
    *[
        "&a",
        "*a",
        "!!str",
        "!x",
        "?",
        ":",
        "-",
        "[",
        "]",
        "{",
        "}",
        "'",
        "#",
        "~",
        "null",
        "NO",
        "010",
        "0o7",
        "12:30",
        "1e999",
        "-1",
        ".5",
        "7d",
        "-7d",
        "0s",
        "999999999mo",
        "true",
        "[]",
        "{}",
    ],
    *[
        "all:",
        "any:",
        "not:",
        "did:",
        "step:",
        "order.",
        "trigger.x",
        "default",
        "end",
        "if",
        "wait",
        "send",
        "first",
        "country",
        "10%",
        "[[[[[[[[",
    ],
    # XXX is a code of ISO 4217 like EUR: that of no currency.
    *("<<: *a", "---\n", "...\n", "%YAML 1.1\n", "|\n", ">\n", "500 EUR", "5 XXX", "-1 EUR", "9" * 30),
    *("event: order.paid", "{by: ", "{known: 1}", "{a: {a: {a: ", '"', "\\", " ", "  ", "\n    ", "- - - "),
    *("\t", "\x00", "\x85", "\u2028", "\ufeff", "\udcff", "\U0001f45f", "é", "\r", "\r\n", "\n"),
]
KEYS = [
    "all",
    "any",
    "not",
    "did",
    "step",
    "country",
    "spend_24mo",
    "order.total",
    "event",
    "where",
    "within",
    "times",
    "gte",
    "in",
    "known",
    "sent",
    "first",
    "send",
    "wait",
    "wait_for",
    "if",
    "then",
    "else",
    "got",
    "task",
    "end",
    "id",
    "channel",
    "template",
    "by",
    "default",
    "for",
    "since",
    "title",
    "team",
    "due",
    "only_if",
    "max_age",
    "x",
]
PLACES = ["condition", "where", "steps", "step", "start", "stop", "template", "file", "attribute"]


def check(files):
    """Compiles rules; every issue has a place that exists, every form of telling it works, and what is sound runs."""
    rules = compile_rules(files)
    for issue in rules.issues:
        assert issue.code in TITLES
        text = lines(files[issue.file])
        assert 1 <= issue.line <= len(text)
        assert 1 <= issue.column <= len(text[issue.line - 1]) + 1
        assert (issue.line, issue.column) <= (issue.end_line, issue.end_column)
        assert issue.found
        assert issue.expected
        assert "\n" not in issue.found + issue.expected + issue.hint
    for render in FORMATS.values():
        render(rules.issues, files, "rules/").encode("utf-8", "strict")
    compile_fold(rules.catalogue, currency="EUR")
    for plan in (*rules.plans.values(), *(campaign.plan for campaign in rules.campaigns.values())):
        check_plan(plan, rules)
    types = {
        **{name: each.type for name, each in rules.catalogue.items()},
        **{n: t.type for n, t in rules.names.items()},
    }
    history = {kind: {name: typed.type for name, typed in names.items()} for kind, names in EVENTS.history.items()}
    Decide(rules.standing, Catalogue(types, history, "EUR"))
    return rules


def check_plan(plan, rules):
    """What the language calls sound runs: jumps lead forward, and every condition compiles to a closure."""
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    types = {name: definition.type for name, definition in rules.catalogue.items()}
    types |= {name: typed.type for name, typed in rules.names.items()}
    types |= {
        f"{scope}.{name}": each.type for scope, of in SCOPES.items() for name, each in RELATIONS[of].fields.items()
    }
    history = {kind: {name: typed.type for name, typed in names.items()} for kind, names in EVENTS.history.items()}
    for index, step in enumerate(plan.code):
        targets = [getattr(step, name) for name in ("to", "got", "orelse", "skip_to", "last") if hasattr(step, name)]
        targets += [each.to for each in (*getattr(step, "ways", ()), *getattr(step, "arms", ()))]
        targets += getattr(step, "branches", ())
        if isinstance(step, Parallel) and all_join(plan, step):
            targets.append(step.join)
        targets += [*getattr(step, "cases", {}).values(), step.on_failure]
        targets = [each for each in targets if each is not None]
        if isinstance(step, Again):
            assert plan.code[step.repeat].last == index
        assert all(index < target < len(plan.code) for target in targets)
        if isinstance(step, Branch):
            compile_condition(step.condition, currency="EUR", types=types, events=history)
    assert plan.code[-1].op == "end"
    assert len({step.id for step in plan.code}) == len(plan.code)
    if plan.start.only_if is not None:
        compile_condition(plan.start.only_if, currency="EUR", types=types, events=history)
    for trigger in (each for each in (*plan.start.any, *plan.stop) if isinstance(each, ChangeTrigger) and each.when):
        compile_condition(trigger.when, currency="EUR", types=types, events=history)
    for trigger in (each for each in (*plan.start.any, *plan.stop) if isinstance(each, EventTrigger)):
        told = {name: typed.type for name, typed in EVENTS.fields[trigger.event].items()}
        if trigger.where is not None:
            compile_where(trigger.where, currency="EUR", types=told)


def all_join(plan, step):
    """Whether every branch comes to its join; where one ends the journey, nothing need stand after them."""
    last = [plan.code[after - 1] for after in (*step.branches[1:], step.join)]
    return all(isinstance(each, Join) and each.id.startswith(f"{step.id}/") for each in last)


def placed(text, place):
    """A file in which a value stands at a place of the language."""
    base = "playbook: tried\ntitle: Tried\nfor: order\ncontrols: {purpose: service}\n"
    started = base + "start: {event: order.placed}\n"
    return {
        "condition": started + f"steps: [{{if: {text}, then: [end]}}]\n",
        "where": base + f"start: {{event: order.placed, where: {text}}}\nsteps: [end]\n",
        "steps": started + f"steps: {text}\n",
        "step": started + f"steps: [{{wait: 1d}}, {text}, {{wait: 1d}}]\n",
        "start": base + f"start: {text}\nsteps: [end]\n",
        "stop": started + f"stop: {text}\nsteps: [end]\n",
        "template": started + f"steps: [{{send: {{channel: email, template: {text}}}}}]\n",
        "file": text,
        "attribute": f"attributes: {{tried: {text}}}",
    }[place]


HOSTILE = [
    "&a {x: *a}",
    "\ufeff\ufeffa: b",
    "a: b\x00",
    "tags: &t {a: {title: A, when: {<<: *t}}}",
    "[" * 5000,
    "{a: " * 5000,
    "a: " + "x" * 999_000,
    "a: |\n" + "  long\n" * 100_000,
    "- " * 4000,
    "? " * 4000,
    "a: !!python/object:os.system x",
    "tags: {" + ", ".join(f"t{n}: {{title: T, when: {{tags: t{n + 1}}}}}" for n in range(300)) + "}",
    "tags: {a: {title: A, when: {all: [" + "{country: [" + "DE, " * 3000 + "FR]}]}}}",
]
