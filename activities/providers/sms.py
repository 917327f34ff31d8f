"""Short messages through any service that takes them over HTTP: the provider `http`, for a phone.

    channels:
      sms:
        provider: sms
        sender: Linden
        request:
          encode: form
          body: {To: "{{ recipient }}", From: "{{ sender }}", Body: "{{ text }}"}
          accepted: {id: sid}

The wording is a template's `.sms` file; `segments` and `encoding` are known to the request.
"""

from collections.abc import Mapping

from activities.providers.http import Http, needed_request
from activities.providers.http_settings import http_settings
from activities.providers.provider import Accepted, BeforeCommit, Final
from engine.messages.message import OutgoingMessage
from engine.messages.segments import is_e164
from engine.policy import Channel


class Sms(Http):
    """Posts each message to one service; the recipient is an international number."""

    name = "sms"

    @classmethod
    def from_environment(cls, channel: str, policy: Channel, environment: Mapping[str, str]) -> "Sms":
        """Reads the variables of the channel, as `http` does.

        Raises:
            ProviderSettingError: they are absent or wrong, or policy.yaml says nothing of the request.
        """
        return cls(http_settings(channel, environment), needed_request(channel, policy))

    async def deliver(self, message: OutgoingMessage, key: str, before_commit: BeforeCommit) -> Accepted:
        """Posts the message.

        Raises:
            Final: the recipient's number is no international one, or the service refuses it for good.
            Retryable, InDoubt, TemplateError: as `http` does.
        """
        if not is_e164(message.recipient):
            raise Final("invalid_address", "the recipient's number is no international phone number")
        return await super().deliver(message, key, before_commit)
