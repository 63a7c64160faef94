"""Where notices go: a webhook of somebody's own, and e-mail. Both answer within seconds or fail."""

import hashlib
import hmac
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol

import httpx

from webhook_listener.alerts.notice import Notice
from webhook_listener.alerts.settings import AlertSettings, Security

_TIMEOUT_SECONDS = 5.0
SIGNATURE = "Billing-Signature"


class TargetError(Exception):
    """A notice could not be delivered; the message names the kind of fault and no secret."""


class Target(Protocol):
    """A way to reach somebody; ``name`` is told on the page and in the metrics."""

    name: str

    def deliver(self, notice: Notice) -> None:
        """Hand the notice over. Raises TargetError."""


class WebhookTarget:
    """A POST of JSON; with a secret it is signed as Stripe signs its own.

    ``Billing-Signature: t=<seconds>,v1=<hex>`` is HMAC-SHA256 over ``<seconds>.<body>``.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str | None) -> None:
        self._url = url
        self._secret = secret
        self._client = httpx.Client(timeout=_TIMEOUT_SECONDS, follow_redirects=False)

    def deliver(self, notice: Notice) -> None:
        """Post it; anything but 2xx is a failure."""
        body = notice.json()
        headers = {"Content-Type": "application/json"}
        if self._secret is not None:
            headers[SIGNATURE] = sign(self._secret, body, at=int(notice.at.timestamp()))
        try:
            answer = self._client.post(self._url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TargetError(type(error).__name__) from None
        if not answer.is_success:
            raise TargetError(f"it answered {answer.status_code}")


class MailTarget:
    """An e-mail to everybody in ``ALERT_EMAIL_TO``."""

    name = "email"

    def __init__(self, settings: AlertSettings) -> None:
        self._settings = settings

    def deliver(self, notice: Notice) -> None:
        """Send it in a connection of its own."""
        try:
            with self._connect() as server:
                self._sign_in(server)
                server.send_message(self._message(notice))
        except (OSError, smtplib.SMTPException, ssl.SSLError) as error:
            raise TargetError(type(error).__name__) from None

    def _connect(self) -> smtplib.SMTP:
        chosen = self._settings
        address = (chosen.alert_smtp_host, chosen.alert_smtp_port)
        if chosen.alert_smtp_security is Security.TLS:
            trusted = ssl.create_default_context()
            return smtplib.SMTP_SSL(*address, timeout=_TIMEOUT_SECONDS, context=trusted)
        return smtplib.SMTP(*address, timeout=_TIMEOUT_SECONDS)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        chosen = self._settings
        if chosen.alert_smtp_security is Security.STARTTLS:
            server.starttls(context=ssl.create_default_context())
        if chosen.alert_smtp_user and chosen.alert_smtp_password is not None:
            server.login(chosen.alert_smtp_user, chosen.alert_smtp_password.get_secret_value())

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        subject = f"{notice.company} billing: {notice.headline}"
        message["Subject"] = " ".join(subject.split())
        message["From"] = self._settings.alert_email_from
        message["To"] = ", ".join(self._settings.alert_email_to)
        message["Date"] = formatdate(notice.at.timestamp(), usegmt=True)
        message["Message-ID"] = make_msgid(domain=self._settings.alert_email_from.partition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        lines = [notice.text, "", f"Since {notice.since:%Y-%m-%d %H:%M} UTC."]
        if notice.url:
            lines += ["", notice.url]
        message.set_content("\n".join(lines) + "\n")
        return message


def targets_of(settings: AlertSettings) -> tuple[Target, ...]:
    """The targets that the settings name."""
    targets: list[Target] = []
    if settings.alert_webhook_url is not None:
        secret = settings.alert_webhook_secret
        targets.append(
            WebhookTarget(
                settings.alert_webhook_url.get_secret_value(),
                secret.get_secret_value() if secret is not None else None,
            )
        )
    if settings.alert_smtp_host:
        targets.append(MailTarget(settings))
    return tuple(targets)


def sign(secret: str, body: bytes, *, at: int) -> str:
    """The value of the signature's header; ``at`` is in epoch seconds."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
