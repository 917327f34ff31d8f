"""Draws the shipped playbooks for the docs, and shows each on its page.

    python tools/diagrams.py [--check]

With `--check` it writes nothing and ends with 1 if a picture or a page is stale. A page of docs/playbooks shows those
playbooks whose files it names. The pictures are those of `regulars diagram PLAYBOOK --format svg`.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.diagram.graph import graph_of
from engine.diagram.svg import to_svg
from engine.journeys.plan import Plan
from engine.language.rules import load_rules

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "playbooks"
IMAGES = ROOT / "docs" / "images" / "diagrams"
BEGIN, END = "<!-- generated: diagram -->\n", "<!-- end: diagram -->\n"
_NAMED = re.compile(r"rules/playbooks/([a-z0-9-]+)\.yaml")


def generated() -> Mapping[Path, str]:
    """Each picture, and each page with its pictures, as the rules have it."""
    plans = load_rules(ROOT / "rules").plans
    pictures = {IMAGES / f"{name}.svg": to_svg(graph_of(plan)) for name, plan in plans.items()}
    pages = {path: page_of(path.read_text(encoding="utf-8"), plans) for path in sorted(PAGES.glob("*.md"))}
    return {**pictures, **pages}


def page_of(text: str, plans: Mapping[str, Plan]) -> str:
    """The page with its generated part, which stands before the first heading of a section."""
    named = [name for name in dict.fromkeys(_NAMED.findall(text)) if name in plans]
    pictures = [f"![{plans[name].title}, step by step](../images/diagrams/{name}.svg)\n" for name in named]
    block = f"{BEGIN}\n" + "\n".join(pictures) + f"\n{END}\n"
    without = re.sub(f"{BEGIN}.*?{END}\n", "", text, flags=re.DOTALL)
    return re.sub(r"^## ", lambda _: f"{block}## ", without, count=1, flags=re.MULTILINE)


def left_over(found: Mapping[Path, str]) -> Iterator[Path]:
    """Pictures of playbooks that are not there any more."""
    yield from (path for path in sorted(IMAGES.glob("*.svg")) if path not in found)


def main() -> int:
    """Writes pictures and pages, or tells which are stale."""
    check = "--check" in sys.argv[1:]
    found = generated()
    stale = [path for path, text in found.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(found[path], encoding="utf-8")
        _say(path, "stale: run python tools/diagrams.py" if check else "written")
    old = list(left_over(found))
    for path in old:
        if not check:
            path.unlink()
        _say(path, "of no playbook: run python tools/diagrams.py" if check else "removed")
    return 1 if check and (stale or old) else 0


def _say(path: Path, what: str) -> None:
    sys.stdout.write(f"{path.relative_to(ROOT)}: {what}\n")


if __name__ == "__main__":
    sys.exit(main())
