"""Addresses and numbers of people, made comparable as they come in."""

import re
from collections.abc import Mapping

_ADDRESS = re.compile(r"[^\s@,;<>\"]+@[^\s@.,;<>\"]+(\.[^\s@.,;<>\"]+)+")
_SEPARATORS = re.compile(r"[\s().\-/\u00a0]+")
_INTERNATIONAL = re.compile(r"\+[1-9][0-9]{6,14}")

# Country calling codes, and whether a national number's leading 0 is dropped when it is called from abroad.
_CALLING: Mapping[str, tuple[str, bool]] = {
    "AT": ("43", True), "AU": ("61", True), "BE": ("32", True), "BG": ("359", True), "BR": ("55", True),
    "CA": ("1", False), "CH": ("41", True), "CN": ("86", True), "CY": ("357", False), "CZ": ("420", False),
    "DE": ("49", True), "DK": ("45", False), "EE": ("372", False), "ES": ("34", False), "FI": ("358", True),
    "FR": ("33", True), "GB": ("44", True), "GR": ("30", False), "HR": ("385", True), "HU": ("36", False),
    "IE": ("353", True), "IN": ("91", True), "IT": ("39", False), "JP": ("81", True), "KR": ("82", True),
    "LT": ("370", False), "LU": ("352", False), "LV": ("371", False), "MT": ("356", False), "MX": ("52", False),
    "NL": ("31", True), "NO": ("47", False), "NZ": ("64", True), "PL": ("48", False), "PT": ("351", False),
    "RO": ("40", True), "SE": ("46", True), "SI": ("386", True), "SK": ("421", True), "TR": ("90", True),
    "UA": ("380", True), "US": ("1", False),
}  # fmt: skip


def fold_email(address: str) -> str | None:
    """The address without surrounding space and with its case folded, or `None` if it is no address."""
    folded = address.strip().casefold()
    return folded if len(folded) <= 254 and _ADDRESS.fullmatch(folded) else None


def international_phone(number: str, country: str | None) -> str | None:
    """The number as E.164 (`+4930123456`), or `None` if it is none or a national one of an unknown country."""
    plain = _SEPARATORS.sub("", number)
    plain = f"+{plain[2:]}" if plain.startswith("00") else plain
    if not plain.startswith("+") and country is not None and country in _CALLING:
        code, drops_zero = _CALLING[country]
        plain = f"+{code}{plain[1:] if drops_zero and plain.startswith('0') else plain}"
    return plain if _INTERNATIONAL.fullmatch(plain) else None
