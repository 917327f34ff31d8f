"""Writes docs/attribute-reference.md and the generated parts of docs/attributes.md anew.

`python tools/attributes_page.py`; with `--check` it writes nothing and exits 1 if a page is stale.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from engine.attributes.reference import attributes_table, relations_tables  # noqa: E402 -- the path comes first
from engine.language.rules import load_rules  # noqa: E402 -- likewise

RELATIONS_PAGE = ROOT / "docs" / "attributes.md"
REFERENCE_PAGE = ROOT / "docs" / "attribute-reference.md"
SOURCES = ROOT / "rules" / "attributes"

_HEAD = """# The shipped attributes

{count} attributes, from the files in `rules/attributes/`: a file for each subject, in the order of its declarations.
How attributes are declared and computed says [attributes](attributes.md). Written by `python tools/attributes_page.py`;
do not edit.

{subjects}
Each has an example, which a test computes, and a rule that asks for it, which a test asks. They stand beside the
attribute:

```yaml
attributes:
  paid_orders:
    title: Paid orders
    type: integer
    count: orders
    where: {{paid: true}}
    example:
      facts: {{orders: [{{placed_at: -40d, paid_at: -40d}}, {{placed_at: -3d}}]}}
      gives: 1
      rule: {{paid_orders: {{gte: 2}}}}
      holds: false
```

`facts` are rows of relations by their fields. Instants lie so long before (`-40d`) or after (`2d`) the instant of
asking, 2026-03-01T12:00:00Z, or are written out (in UTC). Money is an amount with its currency (`20.50 EUR`; EUR is the
reporting currency), a set a list. The customer's zone is Europe/Berlin. A row without an instant of its own happens at
the earliest of its other ones. `words` are word lists for attributes that read texts. `gives: unknown` says that there
is no value. `rule` is a condition over that attribute alone, as segments, tags, playbooks and campaigns ask it. It
holds in the example unless the example says `holds: false`.
"""


def pages() -> Mapping[Path, str]:
    """Each page's text as the declarations have it."""
    return {REFERENCE_PAGE: _reference(), RELATIONS_PAGE: generated(RELATIONS_PAGE.read_text(encoding="utf-8"))}


def generated(page: str) -> str:
    """The page of relations with its generated part as the declarations have it."""
    begin, end = "<!-- generated: relations -->\n", "<!-- end: relations -->\n"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{relations_tables()}\n{end}", page, flags=re.DOTALL)


def _reference() -> str:
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.yaml")) if _ships(path)}
    catalogue = load_rules(ROOT / "rules").catalogue
    names = {name: [each for each in _names(text) if each in catalogue] for name, text in files.items()}
    sections = [
        f"## {_subject(files[name])}\n\n{_title(files[name])}.\n\n{attributes_table(catalogue[each] for each in of)}"
        for name, of in names.items()
    ]
    subjects = "".join(
        f"- [{_subject(files[name])}](#{_subject(files[name]).lower().replace(' ', '-')}): {len(of)}\n"
        for name, of in names.items()
    )
    return "\n".join([_HEAD.format(count=len(catalogue), subjects=subjects), *sections])


def _ships(path: Path) -> bool:
    return not path.name.endswith(".test.yaml")


def _subject(text: str) -> str:
    """The subject that the file's first comment begins with."""
    return re.split(r"[:,]", _title(text))[0]


def _title(text: str) -> str:
    """What the file's first comment says it is about."""
    comments = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
    return comments[1].partition(". ")[0].rstrip(".")


def _names(text: str) -> list[str]:
    return re.findall(r"^  ([a-z][a-z0-9_]*):$", text, re.MULTILINE)


def main() -> int:
    """Writes the pages, or tells which are stale."""
    check = "--check" in sys.argv[1:]
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    texts = pages()
    for path in stale:
        if not check:
            path.write_text(texts[path], encoding="utf-8")
        verb = "stale: run python tools/attributes_page.py" if check else "written"
        sys.stdout.write(f"{path.relative_to(ROOT)}: {verb}\n")
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
