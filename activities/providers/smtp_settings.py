"""Where mail is handed over, read from the environment alone: `REGULARS_SMTP_URL`.

`smtp://USER:PASSWORD@HOST:PORT?starttls=require&timeout=30`, or `smtps://…` for TLS from the first byte. User and
password are percent-encoded, or given apart as `REGULARS_SMTP_USER` and `REGULARS_SMTP_PASSWORD`.
"""

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from activities.providers.settings import ProviderSettingError

URL = "REGULARS_SMTP_URL"
EXAMPLE = "smtp://user:password@mail.example.com:587?starttls=require"
_OPTIONS = ("starttls", "timeout", "ca", "helo")
_PORTS = {"smtp": 587, "smtps": 465}

StartTls = Literal["require", "never"]


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One server. `timeout` in seconds, for each exchange with it; `ca` is a file of certificates to trust besides."""

    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    implicit_tls: bool = False
    starttls: StartTls = "require"
    timeout: float = 30.0
    ca: str | None = None
    helo: str | None = None

    def tls_context(self) -> ssl.SSLContext:
        """Verifies the server's certificate and name, always.

        Raises:
            ProviderSettingError: the file of certificates cannot be read.
        """
        context = ssl.create_default_context()
        if self.ca is not None:
            try:
                context.load_verify_locations(cafile=self.ca)
            except OSError:
                raise _wrong("a ca file that cannot be read", "a file of PEM certificates", "check ca=…") from None
        return context


def smtp_settings(environment: Mapping[str, str]) -> SmtpSettings:
    """Reads the settings.

    Raises:
        ProviderSettingError: they are absent or wrong, or would send a password unencrypted.
    """
    url = environment.get(URL, "")
    if not url:
        raise _wrong("nothing", "the mail server's address", f"set {URL}={EXAMPLE}", code="smtp-url-missing")
    scheme, host, port, user, password = _authority(url)
    options = _query(url)
    settings = SmtpSettings(
        host=host,
        port=port,
        user=environment.get("REGULARS_SMTP_USER") or user,
        password=environment.get("REGULARS_SMTP_PASSWORD") or password,
        implicit_tls=scheme == "smtps",
        starttls=_starttls(options.get("starttls", "require")),
        timeout=_timeout(options.get("timeout", "30")),
        ca=options.get("ca"),
        helo=options.get("helo"),
    )
    _refuse_bare_password(settings)
    return settings


def _authority(url: str) -> tuple[str, str, int, str | None, str | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _wrong("an address that cannot be read", EXAMPLE, "percent-encode / ? # @ and : in passwords") from None
    if parts.scheme not in _PORTS:
        raise _wrong("a scheme other than smtp and smtps", EXAMPLE, "begin with smtp:// or smtps://")
    if not parts.hostname:
        raise _wrong("no host", EXAMPLE, "name the server after // or @")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user, password


def _query(url: str) -> dict[str, str]:
    options = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise _wrong(f"the option {unknown[0][:20]}", f"one of {', '.join(_OPTIONS)}", f"for example {EXAMPLE}")
    return options


def _starttls(value: str) -> StartTls:
    if value == "require":
        return "require"
    if value == "never":
        return "never"
    raise _wrong(f"starttls={value[:20]}", "starttls=require or starttls=never", "leave it out to require it")


def _timeout(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise _wrong(f"timeout={value[:20]}", "seconds, up to 600", "for example timeout=30")
    return seconds


def _refuse_bare_password(settings: SmtpSettings) -> None:
    encrypted = settings.implicit_tls or settings.starttls == "require"
    if settings.user is not None and not encrypted and not _loopback(settings.host):
        raise _wrong(
            "a password that would be sent unencrypted",
            "TLS wherever there is a password",
            "leave starttls=never out, or use smtps://",
            code="smtp-password-unencrypted",
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _wrong(found: str, expected: str, hint: str, code: str = "smtp-url-wrong") -> ProviderSettingError:
    return ProviderSettingError(code, URL, found, expected, hint)
