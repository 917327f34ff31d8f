"""The JSON Schemas that editors use."""

import json
from functools import cache

import jsonschema
import pytest

from engine.language.files import SCHEMAS, read_directory
from engine.language.issues import Report
from engine.language.kinds import KINDS, kind_of
from engine.language.located import plain
from engine.language.reader import read
from engine.language.rules import compile_rules, is_test
from engine.language.schema import project_schemas
from tests.language.shop import SHOP, condition, playbook

RULES = SCHEMAS.parent / "rules"


@cache
def schema(kind):
    return json.loads((SCHEMAS / "rules" / f"{kind}.schema.json").read_text("utf-8"))


def problems(kind, text):
    tree = read(text, Report("x"))
    data = json.loads(json.dumps(plain(tree), default=float))
    return list(validator(kind).iter_errors(data))


@cache
def validator(kind):
    return jsonschema.Draft7Validator(schema(kind))


def shipped():
    files = read_directory(RULES)
    return [(path, files[path]) for path in files if not path.startswith("templates/") and not is_test(path)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_schema_is_a_valid_draft_7_schema(kind):
    jsonschema.Draft7Validator.check_schema(schema(kind))
    assert schema(kind)["$schema"] == "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize("kind", KINDS)
def test_every_reference_of_a_schema_leads_somewhere(kind):
    found = schema(kind)
    text = json.dumps(found)
    targets = {part.split('"', 1)[0] for part in text.split("#/definitions/")[1:]}
    assert targets <= set(found["definitions"])


@pytest.mark.parametrize(("path", "text"), shipped())
def test_every_shipped_file_of_rules_is_valid_by_its_schema_and_names_it(path, text):
    kind = kind_of(read(text, Report(path)), path, Report(path))
    assert problems(kind, text) == []
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (RULES / path).parent.joinpath(
        first.partition("=")[2]
    ).resolve() == SCHEMAS / "rules" / f"{kind}.schema.json"


BROKEN = [
    ("policy", "policy: {zone: Europe/Berln}"),
    ("policy", "policy: {quiet_hours: {start: '9', end: '08:00'}}"),
    ("policy", "policy: {channels: {email: {in_doubt: hold}}}"),
    ("policy", "policy: {purposes: {Loud Ads: {}}}"),
    ("policy", "policy: {caps: {}}"),
    ("attributes", "attributes: {a: {title: A, type: integer}}"),
    ("attributes", "attributes: {a: {title: A, type: integer, count: orders, exists: orders}}"),
    ("attributes", "attributes: {a: {title: A, type: integer, count: order}}"),
    ("attributes", "attributes: {a: {title: A, type: integer, sum: orders.totl}}"),
    ("attributes", "attributes: {a: {title: A, type: integer, count: orders, where: {scores: 1}}}"),
    ("attributes", "attributes: {a: {title: A, type: integer, count: reviews, where: {late: true}}}"),
    ("attributes", "attributes: {a: {title: A, type: integer, count: orders, within: 30 days}}"),
    ("attributes", "attributes: {a: {title: A, type: integer, value: orders.total}}"),
    ("playbook", "playbook: a"),
    ("playbook", condition("{spend_24: {gte: 5 EUR}}")["playbooks/tried.yaml"]),
    ("playbook", condition("{spend_24mo: {gte: 5}}")["playbooks/tried.yaml"]),
    ("playbook", condition("{spend_24mo: {bigger: 5 EUR}}")["playbooks/tried.yaml"]),
    ("playbook", condition("{order.totl: {gte: 5 EUR}}")["playbooks/tried.yaml"]),
    ("playbook", condition("{did: {event: order.payed}}")["playbooks/tried.yaml"]),
    ("playbook", condition("{did: {event: order.paid, where: {totl: 5 EUR}}}")["playbooks/tried.yaml"]),
    ("playbook", condition("{step: first}")["playbooks/tried.yaml"]),
    ("playbook", condition("{step: first, snet: true}")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - wait: 90\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - wait: {for: 7d, until: now}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - wait: {until: {date: order.estimated_at, follow: maybe}}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - wait: {until: {offset: 1d}}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - wait: {for: product.setling_time}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - sned: {channel: email, template: x}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - send: {channel: email}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - task: {id: call}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - if: {country: DE}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - wait_for: {event: order.paid}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - end\n", "for: order\nstart: {event: order.placed, any: []}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - end\n", "for: basket\nstart: {event: order.placed}\n")["playbooks/tried.yaml"]),
    (
        "playbook",
        playbook("  - end\n", "for: order\nstart: {event: order.placed, where: {page: a}}\n")["playbooks/tried.yaml"],
    ),
]


BROKEN += [
    ("tags", "tags: {a: {when: {country: DE}}}"),
    ("tags", "tags: {a: {title: A, when: {country: DE}, expires: 90}}"),
    ("tags", "tags: {a: {title: A, when: {contry: DE}}}"),
    ("tags", "tags: {a: {title: A, wehn: {country: DE}}}"),
    ("tags", "tags: {Deal Hunter: {title: A, when: {country: DE}}}"),
    ("tags", "tags: {a: {title: A, when: {step: first, sent: true}}}"),
    ("tags", "tags: {a: {title: A, when: {stage: nwe}}}"),
    ("tags", "tags: {a: {title: A, when: {rfm_recency: high}}}"),
    ("segments", "segments: {a: {title: A}}"),
    ("segments", "segments: {a: {title: A, when: {spend_24mo: {gte: 500}}}}"),
    ("segments", "segments: {a: {title: A, when: {order.total: {gte: 5 EUR}}}}"),
    ("lifecycle", "lifecycle: {stages: {a: {title: A, when: {country: DE}, to: b}}}"),
    ("lifecycle", "lifecycle: {stage: {}}"),
    ("tiers", "tiers: {rank_by: spend_365d}"),
    ("tiers", "tiers: {rank_by: spend_365d, levels: {a: {title: A, share: 10}}}"),
    ("tiers", "tiers: {rank_by: spend_365d, levels: {a: {title: A, benefits: {suport: {}}}}}"),
    ("rfm", "rfm: {base: {paid_orders: 1}, groups: {}}"),
    ("rfm", "rfm: {base: {paid_orders: 1}, groups: {a: {title: A, recent: yes, frequent: true, valuable: true}}}"),
    ("words", "words: {size: {title: Size, words: size}}"),
    ("words", "words: {size: {title: Size, words: [24]}}"),
    ("campaign", "campaign: a\ntitle: A\naudience: {country: DE}\n"),
    ("policy", "policy: {caps: [{at_most: 2, per: 7 days}]}"),
    ("playbook", playbook("  - end\n", "for: customer\nstart: {enters: {segmnt: a}}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - end\n", "for: customer\nstart: {rises_to: {stage: a}}\n")["playbooks/tried.yaml"]),
    ("playbook", playbook("  - end\n", "for: customer\nstart: {every: fortnight}\n")["playbooks/tried.yaml"]),
]


@pytest.mark.parametrize(("kind", "text"), BROKEN)
def test_a_broken_file_is_not_valid_by_its_schema(kind, text):
    assert problems(kind, text)


@pytest.mark.parametrize("path", ["attributes.yaml", "policy.yaml", "playbooks/reminder.yaml"])
def test_sound_rules_are_valid_by_the_schema(path):
    kind = "playbook" if path.startswith("playbooks/") else path.removesuffix(".yaml")
    assert problems(kind, SHOP[path]) == []


def test_attribute_names_are_keys_with_a_title_and_a_description_to_hover_over():
    names = schema("playbook")["definitions"]["condition"]["anyOf"][0]["properties"]
    assert "Payments of paid orders" in names["spend_24mo"]["description"]
    assert names["spend_24mo"]["allOf"] == [{"$ref": "#/definitions/compare-money"}]
    assert "order.total" in names


def test_another_project_gets_its_own_attributes_and_segments():
    rules = compile_rules(
        {
            "attributes.yaml": "attributes: {shoe_size: {title: Shoe size, type: integer, count: orders}}",
            "segments.yaml": "segments: {big-feet: {title: Big feet, when: {shoe_size: {gte: 46}}}}",
        }
    )
    parts = json.loads(project_schemas(rules)["playbook.schema.json"])["definitions"]
    names = parts["condition"]["anyOf"][0]["properties"]
    assert "shoe_size" in names
    assert "spend_24mo" not in names
    assert parts["each-segments"] == {"anyOf": [{"const": "big-feet", "description": "Big feet"}]}


@pytest.mark.parametrize("kind", KINDS)
def test_no_schema_has_titles_which_editors_would_show_over_everything_inside(kind):
    def titles(part):
        if isinstance(part, dict):
            yield from [part["title"]] if isinstance(part.get("title"), str) else []
            for each in part.values():
                yield from titles(each)
        elif isinstance(part, list):
            for each in part:
                yield from titles(each)

    assert list(titles(schema(kind))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_schema_is_explained(kind):
    def unexplained(part, path):
        if isinstance(part, list):
            for each in part:
                yield from unexplained(each, path)
        elif isinstance(part, dict):
            given = part.get("properties", {}).items() if path[-1:] != ("properties",) else ()
            yield from ("/".join((*path, name)) for name, each in given if not each.get("description"))
            for key in part.keys() - {"if", "not"}:
                yield from unexplained(part[key], (*path, key))

    assert list(unexplained(schema(kind), ())) == []
