"""No text whatsoever makes the language raise: it gives rules, and issues at places that exist."""

import json
import os
import time
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.language.files import SCHEMAS, read_directory
from engine.language.issues import Report
from engine.language.located import Mapping, Scalar, Sequence, plain
from engine.language.reader import read
from engine.language.rules import compile_rules
from tests.language.fuzzing import HOSTILE, KEYS, PLACES, RULE_FILES, SHIPPED, WORDS, check, placed
from tests.language.shop import SHOP

pytestmark = pytest.mark.timeout(400)  # hundreds of whole rule sets, on a machine however busy

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
@given(values(), st.sampled_from(PLACES))
def test_any_value_at_any_place_gives_only_located_issues(value, place):
    check({**SHOP, "playbooks/tried.yaml": placed(json.dumps(value), place)})


@pytest.mark.parametrize("path", RULE_FILES)
@pytest.mark.parametrize(
    "text",
    HOSTILE,
    ids=str.__len__,
)  # fmt: skip
def test_hostile_text_gives_located_issues_in_bounded_time_and_memory(path, text):
    small = {other: SHIPPED[other] for other in ("policy.yaml", "tests/attributes.yaml")}
    tracemalloc.start()
    started = time.process_time()  # of this process alone: what else the machine does is not the loader's fault
    check({**small, path: text})
    spent, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
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
