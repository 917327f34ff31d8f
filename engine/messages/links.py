"""The links of a finished message: `http`, `https` and `mailto`, and nothing that runs.

A template's author may write any HTML, and a value such as a product's address comes from outside, so the finished
message is what is looked at, not the template.
"""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

ALLOWED_SCHEMES = frozenset({"http", "https", "mailto"})
_LINKS = frozenset({"href", "src", "action", "formaction", "background", "poster", "cite", "data", "srcset"})
_RUNS = frozenset({"script", "iframe", "object", "embed", "form", "base"})
# A browser drops these characters wherever they stand in an address, so `java\nscript:` runs.
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028\u2029\ufeff]")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):")
# Lengths are bounded, or a long text would be scanned again from each of its letters.
_IN_STYLE = re.compile(r"url\(\s{0,20}['\"]?([^'\")]{0,500})|(@import|expression\s{0,20}\()", re.IGNORECASE)
_IN_TEXT = re.compile(
    r"(?<![a-z0-9+.\-])(?:(javascript|vbscript|data|file|blob):(?=\S)|([a-z][a-z0-9+.\-]{0,30})://)", re.IGNORECASE
)


def refused_in_html(html: str) -> str | None:
    """What is wrong with the first bad link or running part of an HTML message, or None. Holds no address."""
    return next(iter(_Links(html).problems), None)


def refused_in_text(text: str) -> str | None:
    """What is wrong with the first bad link of a plain text, or None."""
    for match in _IN_TEXT.finditer(text):
        scheme = (match[1] or match[2]).lower()
        if scheme not in ALLOWED_SCHEMES:
            return f"a link with {scheme}:"
    return None


class _Links(HTMLParser):
    """Collects problems; conditional comments are read too, because Outlook renders them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self._style = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        if tag in _RUNS:
            self.problems.append(f"<{tag}>")
        for name, value in attrs:
            self.problems.extend(_in_attribute(tag, name, value or ""))

    def handle_data(self, data: str) -> None:
        if self._style:
            self.problems.extend(_in_style(data))

    def handle_endtag(self, tag: str) -> None:
        del tag
        self._style = False

    def handle_comment(self, data: str) -> None:
        if data.startswith("[if"):
            inner = data.partition("]>")[2].removesuffix("<![endif]")
            self.problems.extend(_Links(inner).problems)


def _in_attribute(tag: str, name: str, value: str) -> Iterator[str]:
    local = name.rpartition(":")[2]
    if local.startswith("on"):
        yield f"the attribute {name[:30]} of <{tag}>"
    elif local in _LINKS:
        yield from (f"{problem} in <{tag}>" for problem in _address(value))
    elif local == "style":
        yield from _in_style(value)
    elif local == "content" and tag == "meta" and "url=" in value.lower():
        yield "a <meta> that leads elsewhere"


def _in_style(style: str) -> Iterator[str]:
    for match in _IN_STYLE.finditer(style):
        yield from [f"{match[2]} in a style"] if match[2] else _address(match[1])


def _address(value: str) -> Iterator[str]:
    address = _INVISIBLE.sub("", value)
    scheme = _SCHEME.match(address)
    if scheme is not None and scheme[1].lower() not in ALLOWED_SCHEMES:
        yield f"a link with {scheme[1].lower():.20}:"
    elif scheme is None and not address.startswith("#"):
        yield "a link without a scheme" if address else "an empty link"
