"""Reasons in words, for whoever explains a message to somebody. docs/messages.md says what to do about each."""

WORDS = {
    "stopped": "what the journey was about had happened already (it was paid, cancelled or the like)",
    "journey_over": "the journey was over",
    "goal_reached": "the playbook's goal had been reached",
    "killed": "somebody had stopped the playbook, or all of them, for good",
    "drop_when": "what the campaign drops a customer for was so",
    "only_if": "what the wave asks of a customer was not so",
    "wave_over": "the wave was over before the message could leave",
    "edited": "the playbook was edited, and the message is no longer part of it",
    "global_holdout": "the customer is one of those who get nothing, to compare with",
    "holdout": "the customer is one of those who get nothing of this playbook, to compare with",
    "journey_paused": "somebody had paused the journey",
    "playbook_paused": "the playbook was paused",
    "all_paused": "somebody had paused all playbooks",
    "playbook_draft": "the playbook was a draft again",
    "channel_not_configured": "the shop does not use the channel",
    "no_address": "the shop knows no address of the customer for the channel",
    "no_test_recipient": "only test recipients were to get anything, and the customer is none",
    "suppressed": "the address is not to be used: it bounced, or the customer complained or opted out",
    "no_consent": "the customer has not agreed to messages of this kind by this channel, or has refused them",
    "held": "the policy leaves such customers alone for a while",
    "quiet_hours": "it was night where the customer lives",
    "weekday": "the policy sends nothing on that day of the week",
    "holiday": "it was a holiday where the customer lives",
    "blackout": "the policy sends nothing on that day",
    "cap_reached": "the customer had got as many messages as the policy lets anybody have",
    "capacity_reached": "as many messages as the shop can bear had left already",
    "channel_limit": "the channel was busy with as many messages as it may take at once",
    "cancelled": "the journey was cancelled",
    "replay-ended": "the replay was over",
    "worker_died": "the machine stopped while the message was handed over",
    "no_answer": "the provider did not answer in time",
    "connection_lost": "the connection to the provider was lost",
    "strange_answer": "the provider gave no clear answer",
    "refused_after_doubt": "the provider refused a second attempt, which says nothing of the first",
    "recipient_refused": "the provider refused the address for good",
    "message_refused": "the provider refused the message for good",
    "invalid_address": "the address is no address",
    "address_not_supported": "the mail server takes no international addresses",
    "server_unreachable": "the provider could not be reached",
    "server_unavailable": "the mail server was not ready",
    "try_later": "the provider was busy",
    "policy_refused": "the mail server does not let the shop send",
    "login_refused": "the provider refused the shop's login",
    "no_credit": "the provider asks to be paid first",
    "url_wrong": "the provider's address is wrong",
    "redirected": "the provider has moved",
    "address_blocked": "the provider's address is private and was not allowed",
    "tls_failed": "the provider's certificate is not trusted",
    "not_supported": "the mail server lacks what the shop's settings ask for",
    "sender_refused": "the mail server refused the shop's own address",
    "invalid_sender": "the sender in the policy is no address",
    "mailbox_unwritable": "the mailbox directory could not be written to",
    "retries_used_up": "the provider could not be asked for as long as it was tried",
    "settled_as_not_sent": "somebody found out at the provider's that it had not been sent",
}

# In the order in which a reservation asks them, with what it means that the answer did not stand in the way.
QUESTIONS = {
    "stopped": "nothing had happened that stops the journey",
    "journey_over": "the journey was under way",
    "goal_reached": "its goal had not been reached",
    "killed": "nobody had stopped the playbook",
    "global_holdout": "the customer is not kept out of all messages to compare with",
    "holdout": "the customer is not kept out of this playbook to compare with",
    "journey_paused": "nobody had paused the journey",
    "all_paused": "nobody had paused all playbooks",
    "playbook_paused": "the playbook was not paused",
    "playbook_draft": "the playbook was live",
    "channel_not_configured": "the shop uses the channel",
    "no_address": "the customer has an address for it",
    "no_test_recipient": "the customer may be written to, not test recipients alone",
    "suppressed": "the address may be used",
    "no_consent": "the customer's consent allows it",
    "held": "nothing made the policy leave the customer alone",
    "quiet_hours": "it was no quiet hour at the customer's",
    "weekday": "the policy sends on that day of the week",
    "holiday": "it was no holiday at the customer's",
    "blackout": "the policy does not close that day",
    "cap_reached": "the customer had room for one more message",
    "capacity_reached": "the shop had room for one more message",
    "channel_limit": "the channel had its turn for it",
}


def in_words(reason: str) -> str:
    """A reason as half a sentence."""
    if reason.startswith("template-"):
        return f"its wording could not be filled in for this customer ({reason})"
    return f"{WORDS[reason]} ({reason})" if reason in WORDS else reason


def passed_before(reason: str | None) -> list[str]:
    """What had been asked, and did not stand in the way, before this reason was found; all of it if there was none."""
    asked = list(QUESTIONS)
    if reason is None:
        return list(QUESTIONS.values())
    return [QUESTIONS[each] for each in asked[: asked.index(reason)]] if reason in QUESTIONS else []
