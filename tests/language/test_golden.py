"""Golden files: a file of mistakes beside what an operator is told about each."""

import os
from pathlib import Path

import pytest
from rich.text import Text

from engine.language.issues import TITLES
from engine.language.render import as_text
from engine.language.rules import compile_rules
from tests.language.shop import SHOP
from tests.own import LOYALTY

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))
_PLACES = {
    "requests": "policy.yaml",
    "attributes": "attributes_more.yaml",
    "bearing": "policy.yaml",
    "campaign": "campaigns/campaign.yaml",
    "shut": "policy.yaml",
}
BESIDE = {
    "attributes_days.yaml": """\
attributes:
  days_since_paid: {title: Days, type: integer, days_since: orders.placed_at, where: {paid: true}}
  last_channel: {title: Last channel, type: string, last: orders.channel}
""",
    "tiers.yaml": "tiers: {rank_by: paid_orders, levels: {gold: {title: G, share: 10%}, rest: {title: R}}}",
    "rfm.yaml": """\
rfm:
  base: {paid_orders: {gte: 1}}
  recency: {attribute: days_since_last_order, high: {quantile: 50%}}
  frequency: {attribute: paid_orders, high: {from: 2}}
  monetary: {attribute: spend_24mo, high: {quantile: 50%}}
  groups: {key-value: {title: K, recent: true, frequent: true, valuable: true}}
""",
    "words.yaml": "words: {size: {title: Size, words: [size]}}",
    "segments.yaml": (GOLDEN / "segments.yaml").read_text("utf-8"),
}


PARCELS = "playbook: parcels\ntitle: P\nfor: shipment\nstart: {event: shipment.shipped}\nsteps: [end]\n"


def told(name: str) -> str:
    """What `check` says about a golden file put into the small shop."""
    text = (GOLDEN / f"{name}.yaml").read_text("utf-8")
    kind = text.partition(":")[0]
    place = _PLACES.get(name, f"playbooks/{name}.yaml" if kind == "playbook" else f"{name}.yaml")
    farm = {"tags.yaml": (GOLDEN / "tags.yaml").read_text("utf-8")}
    beside = {
        "tags": {key: BESIDE[key] for key in ("attributes_days.yaml", "segments.yaml")},
        "segments": {"attributes_days.yaml": BESIDE["attributes_days.yaml"], **farm},
        "names": {key: BESIDE[key] for key in ("tiers.yaml", "rfm.yaml", "words.yaml")},
        "calls": LOYALTY,
        "giving": {
            "coupons.yaml": "coupons: {comeback: {title: Come back}, broken: {title: Broken, low: no}}",
            "playbooks/parcels.yaml": PARCELS,
            "playbooks/there.yaml": PARCELS.replace("parcels", "there")
            .replace("shipment", "order")
            .replace("[end]", "[{start: {playbook: giving}}]"),
        },
    }.get(name, {})
    rules = compile_rules({**SHOP, **beside, place: text})
    own = [issue for issue in rules.issues if issue.file == place]
    assert own
    return Text.from_markup(as_text(own, rules.files)).plain + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_is_told_with_code_place_and_what_to_write_instead(name):
    expected = GOLDEN / f"{name}.expected"
    if os.environ.get("REGULARS_WRITE_GOLDEN"):
        expected.write_text(told(name), "utf-8")
    assert told(name) == expected.read_text("utf-8")


def test_the_golden_files_hold_more_than_two_hundred_mistakes():
    paragraphs = [part for name in NAMES for part in (GOLDEN / f"{name}.expected").read_text("utf-8").split("\n\n")]
    assert len(paragraphs) > 200


def test_almost_every_code_is_shown_by_a_golden_file():
    texts = "".join((GOLDEN / f"{name}.expected").read_text("utf-8") for name in NAMES)
    elsewhere = {
        *(f"RG10{digit}" for digit in range(1, 10)),
        "RG110",
        "RG111",
        "RG213",
        "RG324",
        "RG801",
        "RG802",
        "RG803",
    }
    of_mappings = {code for code in TITLES if code.startswith("RG6")}
    assert {code for code in TITLES if code not in texts} - elsewhere - of_mappings == set()
