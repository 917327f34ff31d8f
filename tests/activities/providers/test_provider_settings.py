"""Providers are found by name and set up from the environment alone."""

import pytest

from activities.providers import ProviderSettingError, make_provider, providers
from activities.providers.smtp_settings import EXAMPLE, smtp_settings
from engine.policy import Channel


def settings(url: str, **more: str):
    return smtp_settings({"REGULARS_SMTP_URL": url, **more})


def refusal(url: str, **more: str) -> ProviderSettingError:
    with pytest.raises(ProviderSettingError) as caught:
        settings(url, **more)
    return caught.value


def test_channels_with_the_same_provider_share_it(tmp_path):
    made = providers(
        {"email": Channel(provider="mailbox"), "letter": Channel(provider="mailbox")},
        {"REGULARS_MAILBOX": str(tmp_path)},
    )
    assert made["email"] is made["letter"]
    assert made["email"].name == "mailbox"


def test_an_unknown_provider_is_told_with_the_nearest():
    with pytest.raises(ProviderSettingError) as caught:
        make_provider("email", Channel(provider="mailbx"), {})
    assert (caught.value.code, caught.value.hint) == ("provider-unknown", "did you mean mailbox?")


@pytest.mark.parametrize(("name", "setting"), [("mailbox", "REGULARS_MAILBOX"), ("smtp", "REGULARS_SMTP_URL")])
def test_a_provider_without_its_setting_says_which(name, setting):
    with pytest.raises(ProviderSettingError) as caught:
        make_provider("email", Channel(provider=name), {})
    assert caught.value.setting == setting
    assert setting in caught.value.hint


def test_the_example_is_right():
    read = settings(EXAMPLE)
    assert (read.host, read.port, read.user, read.password) == ("mail.example.com", 587, "user", "password")


def test_encryption_is_required_unless_said_otherwise():
    assert settings("smtp://mail.example.com").starttls == "require"
    assert settings("smtp://mail.example.com").port == 587
    assert settings("smtps://mail.example.com").port == 465
    assert settings("smtp://mail.example.com:25?starttls=never").starttls == "never"


def test_user_and_password_are_percent_decoded_or_given_apart():
    assert settings("smtp://a%40b:p%2Fw%3A1@h").password == "p/w:1"
    assert settings("smtp://h", REGULARS_SMTP_USER="u", REGULARS_SMTP_PASSWORD="s").user == "u"


def test_settings_do_not_show_the_password():
    assert "geheim" not in repr(settings("smtp://user:geheim@h"))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://h", "scheme"),
        ("smtp://", "no host"),
        ("smtp://u:geheim@:25", "no host"),
        ("smtp://u:geheim@h:port", "cannot be read"),
        ("smtp://u:geheim@h:99999", "cannot be read"),
        ("smtp://u:geheim@[::1", "cannot be read"),
        ("smtp://u:geheim@h?tls=yes", "the option tls"),
        ("smtp://u:geheim@h?starttls=maybe", "starttls=maybe"),
        ("smtp://u:geheim@h?timeout=soon", "timeout=soon"),
        ("smtp://u:geheim@h?timeout=0", "timeout=0"),
        ("smtp://u:geheim@h?timeout=nan", "timeout=nan"),
    ],
)
def test_a_wrong_url_is_told_without_its_password(url, found):
    error = refusal(url)
    assert error.code == "smtp-url-wrong"
    assert found in error.found
    assert "geheim" not in str(error)


@pytest.mark.parametrize("host", ["mail.example.com", "10.0.0.1"])
def test_a_password_is_never_sent_unencrypted_to_another_machine(host):
    assert refusal(f"smtp://u:p@{host}?starttls=never").code == "smtp-password-unencrypted"
    assert settings("smtp://u:p@127.0.0.1?starttls=never").user == "u"
    assert settings("smtp://u:p@localhost?starttls=never").user == "u"


def test_a_file_of_certificates_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ProviderSettingError, match="ca file"):
        settings(f"smtp://h?ca={tmp_path}/none.pem").tls_context()
