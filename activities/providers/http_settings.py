"""Where a channel over HTTP sends to, and its secrets: environment variables that bear the channel's name.

`REGULARS_HTTP_PUSH_URL=https://push.example.com/v1/messages` for the channel `push`; a dash becomes an underscore.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import httpx

from activities.providers.addresses import ALLOWED, AddressGuard, is_public, literal
from activities.providers.settings import ProviderSettingError

EXAMPLE = "https://api.example.com/v1/messages"
MAX_SECONDS = 45.0  # an attempt has a minute, with its transactions


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Settings of one channel; `headers` and `secret` are not shown."""

    url: httpx.URL = field(repr=False)
    guard: AddressGuard
    tls: ssl.SSLContext = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str = field(default="", repr=False)
    seconds: float = 10.0


def variable(channel: str, name: str) -> str:
    """The environment variable of a channel's setting: `REGULARS_HTTP_PUSH_URL`."""
    return f"REGULARS_HTTP_{channel.upper().replace('-', '_')}_{name}"


def http_settings(channel: str, environment: Mapping[str, str]) -> HttpSettings:
    """Reads a channel's settings.

    Raises:
        ProviderSettingError: they are absent or wrong, or would send secrets unencrypted or into the house.
    """
    given = {
        name: environment.get(variable(channel, name), "")
        for name in ("URL", "TOKEN", "USER", "PASSWORD", "HEADER", "SECRET", "TIMEOUT", "CA")
    }
    guard = AddressGuard.from_environment(environment)
    return HttpSettings(
        url=checked_url(given["URL"], variable(channel, "URL"), guard),
        guard=guard,
        headers=_headers(channel, given),
        secret=given["SECRET"],
        seconds=seconds_of(given["TIMEOUT"], variable(channel, "TIMEOUT")),
        tls=trusting(given["CA"], variable(channel, "CA")),
    )


def checked_url(text: str, setting: str, guard: AddressGuard) -> httpx.URL:
    """An address that requests may go to; names are looked up with each request.

    Raises:
        ProviderSettingError: it is absent, no web address, without TLS, or inside the house and not allowed.
    """
    if not text:
        raise _wrong(setting, "nothing", "the service's address", f"set {setting}={EXAMPLE}", "http-url-missing")
    url = _url(text, setting)
    port = url.port or {"https": 443, "http": 80}[url.scheme]
    address, named = literal(url.host), guard.names(url.host, port)
    if address is not None and not is_public(address) and not named:
        hint = f"name it in {ALLOWED} if it shall be asked"
        raise _wrong(setting, "a private address", "a public one, or one that is allowed", hint, "http-address-blocked")
    if url.scheme == "http" and not named:
        hint = f"begin with https://, or name the host in {ALLOWED}"
        raise _wrong(setting, "an address without TLS", EXAMPLE, hint, "http-url-unencrypted")
    return url


def _url(text: str, setting: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError, TypeError):
        raise _wrong(setting, "an address that cannot be read", EXAMPLE, "percent-encode special characters") from None
    if url.scheme not in {"https", "http"} or not url.host or port == 0 or not text.isprintable():
        raise _wrong(setting, "no web address", EXAMPLE, "begin with https:// and the service's name")
    if url.userinfo or url.fragment:
        raise _wrong(setting, "a login or a # in the address", EXAMPLE, "a login has variables of its own")
    return url


def _headers(channel: str, given: Mapping[str, str]) -> dict[str, str]:
    headers = {}
    if given["TOKEN"]:
        headers["Authorization"] = f"Bearer {_line(given['TOKEN'], variable(channel, 'TOKEN'))}"
    elif given["USER"]:
        authorization = httpx.BasicAuth(given["USER"], given["PASSWORD"])
        request = next(authorization.auth_flow(httpx.Request("POST", EXAMPLE)))
        headers["Authorization"] = request.headers["Authorization"]
    if given["HEADER"]:
        setting = variable(channel, "HEADER")
        name, colon, value = _line(given["HEADER"], setting).partition(":")
        if not colon or not name.replace("-", "").isalnum() or not value.strip():
            raise _wrong(setting, "no header", "one header", "for example X-Api-Key: 0123456789abcdef")
        headers[name] = value.strip()
    return headers


def trusting(ca: str, setting: str) -> ssl.SSLContext:
    """Verifies servers' certificates, by the system's authorities and those of a file, if one is given.

    Raises:
        ProviderSettingError: the file cannot be read.
    """
    try:
        return _context(ca)
    except OSError:
        raise _wrong(setting, "a file that cannot be read", "PEM certificates", "check the path") from None


@cache
def _context(ca: str = "") -> ssl.SSLContext:
    """Verifies a server's certificate and name, always; it takes a while to make, and one serves all."""
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cafile=ca)
    return context


def _line(text: str, setting: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise _wrong(setting, "characters that no header can hold", "printable ASCII", "look for a line break")
    return text


def seconds_of(text: str, setting: str) -> float:
    """How long a whole request may take; ten seconds where nothing is set.

    Raises:
        ProviderSettingError: it is no number of seconds up to 45.
    """
    try:
        seconds = float(text or "10")
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_SECONDS:
        raise _wrong(setting, text[:20], f"seconds, up to {MAX_SECONDS:g}", "for example 10")
    return seconds


def _wrong(
    setting: str, found: str, expected: str, hint: str, code: str = "http-setting-wrong"
) -> ProviderSettingError:
    return ProviderSettingError(code, setting, found, expected, hint)
