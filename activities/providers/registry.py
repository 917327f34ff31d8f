"""Providers by the names that policy.yaml uses. A new one is one file and one line here."""

import difflib
from collections.abc import Callable, Mapping

from activities.providers.http import Http
from activities.providers.mailbox import Mailbox
from activities.providers.provider import Provider
from activities.providers.settings import ProviderSettingError
from activities.providers.sms import Sms
from activities.providers.smtp import Smtp
from engine.policy import Channel

SHARED: Mapping[str, Callable[[Mapping[str, str]], Provider]] = {
    Mailbox.name: Mailbox.from_environment,
    Smtp.name: Smtp.from_environment,
}
"""One for all channels that name it."""
OF_A_CHANNEL: Mapping[str, Callable[[str, Channel, Mapping[str, str]], Provider]] = {
    Http.name: Http.from_environment,
    Sms.name: Sms.from_environment,
}
"""One for each channel, set up by what policy and environment say of it."""
PROVIDERS = frozenset({*SHARED, *OF_A_CHANNEL})


def make_provider(channel: str, policy: Channel, environment: Mapping[str, str]) -> Provider:
    """The provider of a channel of policy.yaml, set up from the environment.

    Raises:
        ProviderSettingError: there is no such provider, or its settings are absent or wrong.
    """
    name = policy.provider
    if name in SHARED:
        return SHARED[name](environment)
    if name in OF_A_CHANNEL:
        return OF_A_CHANNEL[name](channel, policy, environment)
    close = difflib.get_close_matches(name, PROVIDERS, 1)
    raise ProviderSettingError(
        code="provider-unknown",
        setting="policy.yaml: channels: provider",
        found=name[:40],
        expected=f"one of {', '.join(sorted(PROVIDERS))}",
        hint=f"did you mean {close[0]}?" if close else "a provider of your own is registered in activities/providers",
    )


def providers(channels: Mapping[str, Channel], environment: Mapping[str, str]) -> dict[str, Provider]:
    """The provider of each channel; channels with the same shared one share it.

    Args:
        channels: as policy.yaml configures them, by name.
        environment: the process's environment.

    Raises:
        ProviderSettingError: a provider is unknown, or its settings are absent or wrong.
    """
    made: dict[str, Provider] = {}
    shared: dict[str, Provider] = {}
    for name, channel in channels.items():
        made[name] = shared.get(channel.provider) or make_provider(name, channel, environment)
        if channel.provider in SHARED:
            shared[channel.provider] = made[name]
    return made
