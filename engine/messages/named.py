"""Which attributes a message names, so that no more of them is computed than it needs."""

import re
from collections.abc import Mapping

from engine.messages.templates import by_short_name

_ATTRIBUTE = re.compile(r"\battributes\.(\w+)")
_PART = re.compile(r"\{%[-+]?\s*(?:extends|include|import|from)\s+(?:[\"']([^\"']+)[\"'])?")


def attributes_named(templates: Mapping[str, str], name: str) -> frozenset[str]:
    """Names of attributes in the files of one message and in the parts that these use.

    Args:
        templates: sources by path.
        name: the template's name, as a `send` gives it.
    """
    files = by_short_name(templates)
    reached: set[str] = set()
    ahead = [path for path in files if path.startswith(f"{name}.")]
    while ahead:
        path = ahead.pop()
        if path in reached or path not in files:
            continue
        reached.add(path)
        parts = _PART.findall(files[path])
        ahead += parts if all(parts) else files  # a part whose name is computed may be any
    return frozenset(attribute for path in reached for attribute in _ATTRIBUTE.findall(files[path]))
