"""Takes the pictures of the docs from a running Temporal Web UI.

    python tools/screenshots/temporal_ui.py --namespace replay-demo-1 --journey payment-reminder/order-842/1
    python tools/screenshots/temporal_ui.py --namespace default --list temporal-list.png

The UI's address is `REGULARS_TEMPORAL_UI` or `--ui`. Needs Playwright and a Chromium of the system. Look at the
pictures before they are committed: somebody from support must be able to read from them what happened and what is next.
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import FloatRect, Page, expect, sync_playwright

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDTH, TALL, SCALE = 1360, 2400, 1.5
PATIENCE = 30_000  # milliseconds


def main() -> int:
    """Takes what is asked for; 1 if the UI's address or a browser is missing."""
    options = _options()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not options.ui or chromium is None:
        sys.stderr.write("needed: REGULARS_TEMPORAL_UI or --ui, and chromium on PATH\n")
        return 1
    options.output.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, device_scale_factor=SCALE)
        page.set_default_timeout(PATIENCE)
        if options.list:
            _take_list(page, options)
        if options.journey:
            _take_journey(page, options)
        browser.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ui", default=os.environ.get("REGULARS_TEMPORAL_UI"), help="address of the Web UI")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--list", metavar="FILE", help="take the list of journeys under this name")
    parser.add_argument("--journey", metavar="ID", help="take this journey's page")
    parser.add_argument("--name", default="temporal-journey", help="how the journey's pictures are called")
    parser.add_argument("--output", type=Path, default=IMAGES)
    return parser.parse_args()


def _take_list(page: Page, options: argparse.Namespace) -> None:
    """The list, with the columns that a person from support wants: whose, at which step."""
    page.goto(f"{options.ui}/namespaces/{options.namespace}/workflows", wait_until="domcontentloaded")
    page.get_by_test_id("workflows-summary-table-configuration-button").first.click()
    for label in ("Run ID", "Type"):
        page.locator(f"li:has-text('{label}')").get_by_role("button").last.click()
    for label in ("Step", "Customer"):
        page.locator("li").filter(has_text=re.compile(rf"^\s*{label}\s*$")).get_by_role("button").last.click()
    page.keyboard.press("Escape")
    page.get_by_label("Collapse saved views").click()
    expect(page.locator("table a").first).to_be_visible()
    _settled(page)
    page.screenshot(path=options.output / options.list, clip=_down_to(page, "table tbody tr", 900))


def _take_journey(page: Page, options: argparse.Namespace) -> None:
    """A journey's history in its compact view, then its details in words."""
    journey = f"{options.ui}/namespaces/{options.namespace}/workflows/{quote(options.journey, safe='')}"
    page.set_viewport_size({"width": WIDTH, "height": TALL})
    page.add_init_script("localStorage.setItem('eventView', '\"compact\"')")
    page.goto(journey, wait_until="domcontentloaded")  # the UI goes on to the latest run
    expect(page.get_by_test_id("event-summary-row").first).to_be_visible()
    _settled(page)
    page.screenshot(
        path=options.output / f"{options.name}.png", clip=_down_to(page, "[data-testid='event-summary-row']")
    )
    page.get_by_test_id("user-metadata-tab").click()
    expect(page.get_by_text("Current Details").first).to_be_visible()
    _settled(page)
    page.screenshot(
        path=options.output / f"{options.name}-details.png", clip=_down_to(page, "text=/^(Completed|Started|Fired)$/")
    )


def _down_to(page: Page, selector: str, most: float = TALL) -> FloatRect:
    """The page from its top down to the last of these elements."""
    boxes = [box for each in page.locator(selector).all() if (box := each.bounding_box())]
    bottom = max((box["y"] + box["height"] for box in boxes), default=900)
    return {"x": 0, "y": 0, "width": WIDTH, "height": min(most, bottom + 6)}


def _settled(page: Page) -> None:
    """Waits until the page looks the same twice: it streams, so the network is never idle."""
    before = b""
    for _ in range(8):  # a running journey's clock never rests
        now = page.screenshot(animations="disabled")
        if now == before:
            return
        before = now
        page.wait_for_timeout(500)


if __name__ == "__main__":
    sys.exit(main())
