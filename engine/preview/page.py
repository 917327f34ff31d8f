"""A preview as a directory: one page with every message, and each message's HTML and text beside it."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from engine.diagram.graph import graph_of
from engine.diagram.svg import to_svg
from engine.preview.shown import Preview, Shown
from engine.preview.text import content_of, head_of, notes_of, title_of

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root {{ color-scheme: light; }}
  * {{ box-sizing: border-box; }}
  body {{ margin: 0; background: #eceff3; color: #1f2933;
         font: 16px/1.5 system-ui, "Segoe UI", Roboto, Arial, sans-serif; }}
  main {{ max-width: 1180px; margin: 0 auto; padding: 24px 16px 64px; }}
  h1 {{ font-size: 26px; line-height: 1.25; margin: 0 0 8px; }}
  h2 {{ font-size: 19px; line-height: 1.3; margin: 0 0 4px; overflow-wrap: anywhere; }}
  h3 {{ font-size: 14px; margin: 16px 0 6px; color: #52606d; }}
  p, ul {{ margin: 0 0 4px; }}
  nav ul {{ padding-left: 20px; columns: 320px; }}
  section {{ background: #fff; border-radius: 8px; padding: 20px; margin-top: 20px; box-shadow: 0 1px 3px #0002; }}
  .notes {{ color: #52606d; font-size: 14px; list-style: none; padding: 0; }}
  .subject {{ font-weight: 600; font-size: 17px; margin: 12px 0; overflow-wrap: anywhere; }}
  details {{ margin-top: 16px; }}
  .diagram {{ overflow-x: auto; }}
  .both {{ display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 20px; }}
  iframe {{ width: 100%; height: 640px; border: 1px solid #d5dbe1; border-radius: 4px; background: #fff; }}
  pre {{ margin: 0; padding: 14px; background: #f7f8fa; border: 1px solid #d5dbe1; border-radius: 4px; font: 14px/1.5
        ui-monospace, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }}
  .example {{ background: #fff3cd; padding: 8px 12px; border-radius: 4px; }}
  .wrong {{ background: #fdecec; color: #8a1f1f; padding: 8px 12px; border-radius: 4px; overflow-wrap: anywhere; }}
  @media (max-width: 760px) {{ .both {{ grid-template-columns: minmax(0, 1fr); }} iframe {{ height: 520px; }}
    section {{ padding: 16px 12px; }} }}
</style>
</head>
<body><main>
<h1>{title}</h1>
{head}
{issues}
<nav><h3>Messages</h3><ul>
{contents}
</ul></nav>
<details><summary>The playbook as a diagram</summary><div class="diagram">{diagram}</div></details>
{sections}
</main></body>
</html>
"""


def write_pages(preview: Preview, directory: Path) -> None:
    """Writes `index.html`, and for each message its text and, if it has one, its HTML.

    Args:
        preview: what to write.
        directory: an empty one.

    Raises:
        OSError: it cannot be written to.
    """
    (directory / "index.html").write_text(index_of(preview), encoding="utf-8")
    for shown in preview.messages:
        if shown.rendered is None:
            continue
        (directory / f"{shown.file}.txt").write_text(content_of(shown), encoding="utf-8")
        if shown.rendered.html is not None:
            (directory / f"{shown.file}.html").write_text(shown.rendered.html, encoding="utf-8")


def index_of(preview: Preview) -> str:
    """The page with every message. It loads the messages' own HTML from beside it, and nothing from elsewhere."""
    _, *about = head_of(preview)
    return _PAGE.format(
        title=escape(f"{preview.plan.title}: every message"),
        head="\n".join(f'<p class="{"example" if "xample" in line else "about"}">{escape(line)}</p>' for line in about),
        issues="\n".join(_issues(preview)),
        contents="\n".join(
            f'<li><a href="#{shown.file}">{escape(_entry(shown))}</a></li>' for shown in preview.messages
        ),
        diagram=to_svg(graph_of(preview.plan)),
        sections="\n".join("\n".join(_section(shown)) for shown in preview.messages) or "<p>It sends no message.</p>",
    )


def _entry(shown: Shown) -> str:
    return f"{title_of(shown)}, {shown.locale}"


def _issues(preview: Preview) -> Iterator[str]:
    for issue in preview.issues:
        hint = f" ({issue.hint})" if issue.hint else ""
        yield (
            f'<p class="wrong">{escape(f"{issue.file}:{issue.line}")}: found {escape(issue.found)}, '
            f"expected {escape(issue.expected)}{escape(hint)}</p>"
        )


def _section(shown: Shown) -> Iterator[str]:
    yield f'<section id="{shown.file}"><h2>{escape(title_of(shown))}</h2><ul class="notes">'
    for note in notes_of(shown):
        marked = ' class="wrong"' if note.startswith("cannot") else ' class="example"' if "example" in note else ""
        yield f"<li{marked}>{escape(note)}</li>"
    yield "</ul>"
    rendered = shown.rendered
    if rendered is not None:
        if rendered.subject:
            yield f'<p class="subject">{escape(rendered.subject)}</p>'
        text = f'<h3>As text (<a href="{shown.file}.txt">file</a>)</h3><pre>{escape(rendered.text.rstrip())}</pre>'
        if rendered.html is None:
            yield text
        else:
            yield (
                f'<div class="both"><div><h3>As HTML (<a href="{shown.file}.html">file</a>)</h3>'
                f'<iframe src="{shown.file}.html" title="{escape(title_of(shown))}" sandbox loading="lazy"></iframe>'
                f"</div><div>{text}</div></div>"
            )
    yield "</section>"
