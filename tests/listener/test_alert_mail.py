"""Alerts by e-mail as mail servers really take them: encrypted, and after signing in."""

import email
import email.policy
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from tests.support.ports import free_port
from webhook_listener.alerts.notice import Kind, Notice
from webhook_listener.alerts.settings import AlertSettings, Security
from webhook_listener.alerts.targets import MailTarget, TargetError

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
USER, PASSWORD = "alerts", "a password of the mail server"


class MailServer:
    """Takes mail from whoever signs in over an encrypted connection, as real ones do."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.passwords: list[str] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: ANN401, N802 - aiosmtpd's name
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append(mail)
        return "250 kept"

    def authenticate(self, *arguments: Any) -> AuthResult:  # noqa: ANN401 - aiosmtpd's
        given = arguments[-1]
        assert isinstance(given, LoginPassword)
        self.passwords.append(given.password.decode())
        right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=right)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of localhost, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("mail") / "localhost.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextmanager
def mail_server(certificate: Path, security: Security) -> Iterator[tuple[MailServer, int]]:
    server = MailServer()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    from_the_start = security is Security.TLS
    controller = Controller(
        server,
        "localhost",
        free_port(),
        authenticator=server.authenticate,
        auth_required=True,
        ssl_context=context if from_the_start else None,
        tls_context=None if from_the_start else context,
        auth_require_tls=not from_the_start,
        require_starttls=not from_the_start,
        ready_timeout=30,
    )
    controller.start()
    try:
        yield server, controller.port
    finally:
        controller.stop()


def target(port: int, security: Security, password: str = PASSWORD) -> MailTarget:
    return MailTarget(
        AlertSettings(
            alert_smtp_host="localhost",
            alert_smtp_port=port,
            alert_smtp_security=security,
            alert_smtp_user=USER,
            alert_smtp_password=SecretStr(password),
            alert_email_from="billing@northwind.example",
            alert_email_to=("ops@northwind.example",),
        )
    )


NOTICE = Notice(
    kind=Kind.RAISED,
    condition="parked",
    title="Parked",
    sentence="1 event waits for an operator.",
    since=NOW,
    at=NOW,
    company="Northwind",
    url="",
)


# aiosmtpd does not count a connection that was encrypted from its first byte as encrypted.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_mail_is_handed_over_encrypted_and_after_signing_in(
    certificate: Path, security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with mail_server(certificate, security) as (server, port):
        target(port, security).deliver(NOTICE)
        (mail,) = server.mails
        assert mail["Subject"] == "Northwind billing: Parked"
        assert "1 event waits for an operator." in mail.get_content()
        with pytest.raises(TargetError, match="SMTPAuthenticationError"):
            target(port, security, "another").deliver(NOTICE)
        assert len(server.mails) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_mail_server_that_nobody_vouches_for_gets_neither_password_nor_mail(
    certificate: Path, security: Security
) -> None:
    with mail_server(certificate, security) as (server, port):
        with pytest.raises(TargetError, match="SSLCertVerificationError"):
            target(port, security).deliver(NOTICE)
        assert not server.passwords
        assert not server.mails


def test_a_mail_server_that_cannot_encrypt_gets_neither_password_nor_mail() -> None:
    server = MailServer()
    controller = Controller(
        server, "localhost", free_port(), authenticator=server.authenticate, ready_timeout=30
    )
    controller.start()
    try:
        with pytest.raises(TargetError, match="SMTPNotSupportedError"):
            target(controller.port, Security.STARTTLS).deliver(NOTICE)
    finally:
        controller.stop()
    assert not server.passwords
    assert not server.mails
