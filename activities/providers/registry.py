"""Providers by the names that policy.yaml uses. A new one is one file and one line here."""

import difflib
from collections.abc import Callable, Mapping

from activities.providers.mailbox import Mailbox
from activities.providers.provider import Provider
from activities.providers.settings import ProviderSettingError
from activities.providers.smtp import Smtp

PROVIDERS: Mapping[str, Callable[[Mapping[str, str]], Provider]] = {
    Mailbox.name: Mailbox.from_environment,
    Smtp.name: Smtp.from_environment,
}


def make_provider(name: str, environment: Mapping[str, str]) -> Provider:
    """The provider that a channel of policy.yaml names, set up from the environment.

    Raises:
        ProviderSettingError: there is no such provider, or its settings are absent or wrong.
    """
    if name in PROVIDERS:
        return PROVIDERS[name](environment)
    close = difflib.get_close_matches(name, PROVIDERS, 1)
    raise ProviderSettingError(
        code="provider-unknown",
        setting="policy.yaml: channels: provider",
        found=name[:40],
        expected=f"one of {', '.join(sorted(PROVIDERS))}",
        hint=f"did you mean {close[0]}?" if close else "a provider of your own is registered in activities/providers",
    )


def providers(channels: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, Provider]:
    """The provider of each channel; channels with the same one share it.

    Args:
        channels: provider's name by channel, as policy.yaml configures them.
        environment: the process's environment.

    Raises:
        ProviderSettingError: a provider is unknown, or its settings are absent or wrong.
    """
    made = {name: make_provider(name, environment) for name in dict.fromkeys(channels.values())}
    return {channel: made[name] for channel, name in channels.items()}
