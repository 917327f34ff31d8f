"""Tells another system, under the step's key.

webhook: {id: tell, to: crm, body: {what: unpaid}}
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.beating import heartbeats
from activities.context import Context
from activities.outside import Begun, Outcome, begin, finish
from activities.providers.provider import Final, Retryable
from activities.providers.settings import ProviderSettingError
from activities.providers.webhook import Webhooks
from engine.journeys.wire import Answer, CallRequest
from engine.policy import address_setting


@dataclass
class Webhook:
    """The activity `webhook`. Addresses and the secret are in the environment, and nowhere else."""

    context: Context
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _webhooks: Webhooks | None = None

    @activity.defn(name="webhook")
    async def webhook(self, request: CallRequest) -> Answer:
        """Tells it and, if it is the last step, ends the journey with it.

        Raises:
            ApplicationError: it was not told, or not surely; Temporal tries again.
        """
        context, moment = self.context, self.context.moment(request.at, request.clock)
        async with heartbeats():
            begun = await context.transaction(lambda connection: begin(context, connection, request, moment))
            if isinstance(begun, Answer):
                return begun
            outcome = await self._outcome(begun, request)
            after = context.moment(request.at, request.clock)
            return await context.insist(lambda connection: finish(connection, request, begun.key, outcome, after))

    async def _outcome(self, begun: Begun, request: CallRequest) -> Outcome:
        setting = address_setting(request.to)
        url = request.url or self.environment.get(setting, "")
        if not url:
            raise ApplicationError(f"{setting} is not set", type="url_missing")
        try:
            await self._sender().post(url, _content(begun, request), begun.key)
        except Final as refused:
            return Outcome("failed", refused.reason)
        except Retryable as later:
            raise ApplicationError(later.reason, type=later.reason, next_retry_delay=later.retry_after) from None
        except ProviderSettingError as wrong:
            raise ApplicationError(f"{wrong.setting}: {wrong.code}", type=wrong.code.replace("-", "_")) from None
        return Outcome("done")

    def _sender(self) -> Webhooks:
        """Made when it is first needed: a project without webhooks needs no secret."""
        if self._webhooks is None:
            self._webhooks = Webhooks.from_environment(self.environment)
        return self._webhooks


def _content(begun: Begun, request: CallRequest) -> dict[str, Any]:
    """Ids, the instant, and what the rules say."""
    return {
        "playbook": begun.playbook,
        "step": request.step,
        "journey": request.journey,
        "customer": begun.customer,
        "order": begun.order,
        "at": request.at.isoformat().replace("+00:00", "Z"),
        "body": begun.given,
    }
