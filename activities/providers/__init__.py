"""Ways out of the house: one file a provider, found by name."""

from activities.providers.provider import Accepted, BeforeCommit, DeliveryError, Final, InDoubt, Provider, Retryable
from activities.providers.registry import PROVIDERS, make_provider, providers
from activities.providers.settings import ProviderSettingError

__all__ = [
    "PROVIDERS",
    "Accepted",
    "BeforeCommit",
    "DeliveryError",
    "Final",
    "InDoubt",
    "Provider",
    "ProviderSettingError",
    "Retryable",
    "make_provider",
    "providers",
]
