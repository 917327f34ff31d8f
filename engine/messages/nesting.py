"""How deep a document's elements are nested, found without going deep oneself.

The MJML parser calls itself for every element within an element, and far down that ends the whole process.
"""

import re

_TAG = re.compile(r"<(/?)([a-zA-Z][\w:.\-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


def is_deeper(document: str, limit: int) -> bool:
    """Whether elements stand more than `limit` deep within each other.

    Tags in comments count for nothing. A tag that cannot be read ends the search: no parser comes past it either.
    """
    depth, at = 0, document.find("<")
    while at >= 0:
        if document.startswith("<!--", at):
            at = document.find("-->", at)
        elif document[at + 1 : at + 2] in "!? \n=":
            at += 1
        else:
            tag = _TAG.match(document, at)
            if tag is None:
                return False
            depth += _step(tag)
            if depth > limit:
                return True
            at = tag.end()
        at = document.find("<", at) if at >= 0 else at
    return False


def _step(tag: re.Match[str]) -> int:
    closing, element, rest = tag.groups()
    if closing:
        return -1
    return 0 if rest.endswith("/") or element.lower() in _VOID else 1
