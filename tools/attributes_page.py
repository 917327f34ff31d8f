"""Writes the generated parts of docs/attributes.md anew: `python tools/attributes_page.py`. A test says when to."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from engine.attributes.reference import attributes_table, relations_tables  # noqa: E402 -- the path comes first
from engine.language.rules import compile_rules  # noqa: E402 -- likewise

PAGE = ROOT / "docs" / "attributes.md"


def generated(page: str) -> str:
    """The page with its generated parts as the declarations have them."""
    file = "attributes.yaml"
    catalogue = compile_rules({file: (ROOT / "rules" / file).read_text(encoding="utf-8")}).catalogue
    for name, text in (("attributes", attributes_table(catalogue)), ("relations", relations_tables())):
        begin, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->\n"
        page = re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{text}\n{end}", page, flags=re.DOTALL)  # noqa: B023 -- called at once
    return page


if __name__ == "__main__":
    PAGE.write_text(generated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
