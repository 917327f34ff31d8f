"""No text whatsoever makes the language raise: it gives rules, and issues at places that exist."""

import json
import os
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.attributes.fold import compile_fold
from engine.attributes.relations import RELATIONS, SCOPES
from engine.conditions.compile import compile_condition, compile_where
from engine.conditions.environment import Catalogue
from engine.journeys.plan import Again, Branch, EventTrigger, Plan
from engine.language.events import events_of
from engine.language.files import SCHEMAS, read_directory, shipped_contracts
from engine.language.issues import TITLES, Report
from engine.language.located import Mapping, Scalar, Sequence, plain
from engine.language.reader import lines, read
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
EXAMPLES = int(os.environ.get("REGULARS_FUZZ", "150"))
BOUNDED = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def mutated(draw):
    """A shipped file with a few slips in it."""
    path = draw(st.sampled_from(RULE_FILES))
    text = SHIPPED[path]
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 0, 1, 2, 5, 20, 200])))
        piece = draw(st.one_of(st.just(""), st.sampled_from(WORDS), st.sampled_from(text.split() or [""])))
        text = text[:start] + piece + text[end:]
    return path, text


@st.composite
def relined(draw):
    """A shipped file whose lines are dropped, doubled, moved or indented."""
    path = draw(st.sampled_from(RULE_FILES))
    split = SHIPPED[path].splitlines()
    for _ in range(draw(st.integers(1, 6))):
        index = draw(st.integers(0, len(split) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del split[index]
            case 1:
                split.insert(index, split[index])
            case 2:
                split[index] = "  " + split[index]
            case 3:
                split[index] = split[index][1:]
            case _:
                split.insert(draw(st.integers(0, len(split) - 1)), split.pop(index))
        split = split or [""]
    return path, "\n".join(split)


def values():
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**19), 10**19),
        st.sampled_from([word.strip() for word in WORDS if word.isprintable()]),
        st.text(max_size=8),
    )
    keys = st.sampled_from(KEYS)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=4)),
        max_leaves=12,
    )


def check(files):
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
    for plan in rules.plans.values():
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
        targets += [*getattr(step, "branches", ()), getattr(step, "join", None)]
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
    for trigger in (each for each in (*plan.start.any, *plan.stop) if isinstance(each, EventTrigger)):
        told = {name: typed.type for name, typed in EVENTS.fields[trigger.event].items()}
        if trigger.where is not None:
            compile_where(trigger.where, currency="EUR", types=told)


@BOUNDED
@given(mutated())
def test_a_shipped_file_with_slips_gives_only_located_issues(changed):
    path, text = changed
    check({**SHIPPED, path: text})


@BOUNDED
@given(relined())
def test_a_shipped_file_with_its_lines_in_disorder_gives_only_located_issues(changed):
    path, text = changed
    check({**SHIPPED, path: text})


@BOUNDED
@given(st.text(max_size=300), st.sampled_from(["policy.yaml", "attributes.yaml", "playbooks/a.yaml", "x.yaml"]))
def test_any_text_gives_only_located_issues(text, path):
    check({path: text})


@BOUNDED
@given(st.binary(max_size=200), st.sampled_from(["policy.yaml", "templates/a.en.txt"]))
def test_any_bytes_give_only_located_issues(data, path):
    check({path: data.decode("utf-8", "surrogateescape")})


@BOUNDED
@given(
    values(), st.sampled_from(["condition", "where", "steps", "step", "start", "stop", "template", "file", "attribute"])
)
def test_any_value_at_any_place_gives_only_located_issues(value, place):
    text = json.dumps(value)
    base = "playbook: tried\ntitle: Tried\nfor: order\ncontrols: {purpose: service}\n"
    started = base + "start: {event: order.placed}\n"
    written = {
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
    check({**SHOP, "playbooks/tried.yaml": written})


@pytest.mark.parametrize("path", RULE_FILES)
@pytest.mark.parametrize(
    "text",
    [
        "&a {x: *a}", "\ufeff\ufeffa: b", "a: b\x00", "tags: &t {a: {title: A, when: {<<: *t}}}",
        "[" * 5000, "{a: " * 5000,
        "a: " + "x" * 999_000, "a: |\n" + "  long\n" * 100_000, "- " * 4000, "? " * 4000,
        "a: !!python/object:os.system x",
        "tags: {" + ", ".join(f"t{n}: {{title: T, when: {{tags: t{n + 1}}}}}" for n in range(300)) + "}",
        "tags: {a: {title: A, when: {all: [" + "{country: [" + "DE, " * 3000 + "FR]}]}}}",
    ],
    ids=str.__len__,
)  # fmt: skip
def test_hostile_text_gives_located_issues_in_bounded_time_and_memory(path, text):
    small = {other: SHIPPED[other] for other in ("policy.yaml", "tests/attributes.yaml")}
    tracemalloc.start()
    started = time.perf_counter()
    check({**small, path: text})
    spent, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert spent < 60
    assert peak < 400_000_000


@pytest.mark.parametrize("path", RULE_FILES)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_shipped_files_in_another_encoding_are_refused_at_a_place(path, encoding):
    rules = check({path: SHIPPED[path].encode(encoding).decode("utf-8", "surrogateescape")})
    assert {issue.code for issue in rules.issues} <= {"RG101", "RG102"}
    assert rules.issues


def dumped(node):
    """A tree as YAML in flow style, every text quoted."""
    match node:
        case Scalar(value=str()):
            return json.dumps(node.text, ensure_ascii=False)
        case Scalar():
            return node.text or "null"
        case Sequence(items=items):
            return f"[{', '.join(map(dumped, items))}]"
        case Mapping():
            inside = (f"{json.dumps(entry.key, ensure_ascii=False)}: {dumped(entry.value)}" for entry in node)
            return f"{{{', '.join(inside)}}}"


@pytest.mark.parametrize("path", RULE_FILES)
def test_a_shipped_file_written_out_and_read_again_says_the_same(path):
    tree = read(SHIPPED[path], Report(path))
    again = read(dumped(tree), Report(path))
    assert plain(again) == plain(tree)
    assert dumped(again) == dumped(tree)


def test_the_shipped_rules_written_out_and_read_again_give_the_same_rules():
    own = read_directory(SCHEMAS.parent / "rules")
    written = {
        path: text if path.startswith("templates/") else dumped(read(text, Report(path))) for path, text in own.items()
    }
    first, again = compile_rules(own), compile_rules(written)
    assert again.issues == ()
    assert (again.standing, again.catalogue, again.policy, again.words) == (
        first.standing,
        first.catalogue,
        first.policy,
        first.words,
    )
    assert {name: plan.code for name, plan in again.plans.items()} == {
        name: plan.code for name, plan in first.plans.items()
    }


@pytest.mark.parametrize("depth", [10, 40, 90])
def test_a_deeply_nested_condition_is_compiled_or_refused(depth):
    text = "{not: " * depth + "{country: DE}" + "}" * depth
    started = "playbook: tried\ntitle: Tried\nfor: order\ncontrols: {purpose: service}\nstart: {event: order.placed}\n"
    check({**SHOP, "playbooks/tried.yaml": started + f"steps:\n  - if: {text}\n    then: [end]\n"})


@pytest.mark.parametrize("depth", [5, 30])
def test_deeply_nested_steps_are_compiled_or_refused(depth):
    text = "[end]"
    for _ in range(depth):
        text = f"[{{if: {{country: DE}}, then: {text}, else: [{{wait: 1d}}]}}]"
    started = "playbook: tried\ntitle: Tried\nfor: order\ncontrols: {purpose: service}\nstart: {event: order.placed}\n"
    rules = check({**SHOP, "playbooks/tried.yaml": started + f"steps: {text}\n"})
    assert "tried" in rules.plans
