"""Takes the pictures of the shipped messages for the docs, as a phone and as a desktop show them.

    python tools/screenshots/messages.py [PLAYBOOK...]

One picture for each playbook and language, filled in with the invented order that `regulars check` tries templates
with. Needs Playwright and a Chromium of the system. Look at the pictures before they are committed.
"""

import argparse
import html
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from engine.language.rules import Rules, load_rules
from engine.messages.check import sample_values
from engine.messages.check_rules import templates_of
from engine.messages.message import Rendered
from engine.messages.render import render
from engine.messages.templates import template_locales

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images" / "messages"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PHONE, DESKTOP = 375, 700
"""Widths in CSS pixels."""

_SHEET = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 24px; background: #e7e5e4; font: 15px sans-serif; color: #292524 }}
h2 {{ font-size: 16px; margin: 24px 0 8px }}
div {{ display: flex; gap: 24px; align-items: flex-start }}
iframe {{ border: 0; background: white; box-shadow: 0 1px 4px #0003 }}
</style><body>{messages}</body>"""
_MESSAGE = (
    "<h2>{name}: {subject}</h2><div>"
    + "".join(f'<iframe width="{width}" srcdoc="{{html}}"></iframe>' for width in (PHONE, DESKTOP))
    + "</div>"
)
_AS_HIGH_AS_ITS_MESSAGE = """() => document.querySelectorAll('iframe').forEach(frame => {
    frame.height = frame.contentDocument.documentElement.scrollHeight
})"""


def main() -> int:
    """Takes the pictures of the playbooks and campaigns that are named, or of all; 1 if there is no browser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("playbooks", nargs="*", help="by default all that are shipped")
    asked = parser.parse_args().playbooks
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("needed: chromium on PATH\n")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    rules = load_rules(ROOT / "rules")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": PHONE + DESKTOP + 72, "height": 100})
        for playbook in asked or sorted({*rules.plans, *rules.campaigns}):
            for locale, sheet in sheets(rules, playbook):
                _take(page, sheet, IMAGES / f"{playbook}.{locale}.png")
        browser.close()
    return 0


def sheets(rules: Rules, playbook: str) -> Iterator[tuple[str, str]]:
    """For each language of a playbook's mails a page with all of them, each at both widths."""
    plan = rules.plan(playbook)
    if plan is None:
        sys.exit(f"there is no playbook or campaign {playbook}")
    names = sorted(templates_of(plan))
    locales = sorted({locale for name in names for locale in template_locales(rules.templates, name)})
    values = sample_values(attributes=(*rules.catalogue, *rules.names))
    for locale in locales:
        mails = [(name, render(rules.templates, name, (locale,), values)) for name in names]
        yield locale, _SHEET.format(messages="".join(_message(name, mail) for name, mail in mails))


def _message(name: str, mail: Rendered) -> str:
    shown = mail.html or f"<pre>{html.escape(mail.text)}</pre>"
    return _MESSAGE.format(name=html.escape(name), subject=html.escape(mail.subject), html=html.escape(shown))


def _take(page: Page, sheet: str, picture: Path) -> None:
    page.set_content(sheet, wait_until="load")
    page.evaluate(_AS_HIGH_AS_ITS_MESSAGE)
    page.screenshot(path=picture, full_page=True)
    sys.stdout.write(f"{picture.relative_to(ROOT)}\n")


if __name__ == "__main__":
    sys.exit(main())
