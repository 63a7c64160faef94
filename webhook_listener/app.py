"""The listener's HTTP application and what it holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from billing_core.config import load_config
from billing_core.settings import Settings
from billing_core.stripe_gateway.client import StripeGateway
from billing_core.stripe_gateway.ration import ReadRation
from webhook_listener import schema
from webhook_listener.commands import audit_endpoint
from webhook_listener.database import reading_transaction, writer_engine
from webhook_listener.health import Health
from webhook_listener.inbox import audience_of
from webhook_listener.links.routes import link_routes
from webhook_listener.metrics import Metrics
from webhook_listener.missed.inbound import Inbound
from webhook_listener.missed.watch import Watch
from webhook_listener.receive import WebhookEndpoint
from webhook_listener.settings import ListenerSettings, load_listener_settings
from webhook_listener.writer import Writer


def create_app(settings: Settings) -> Starlette:
    """The application; its writer runs from startup to shutdown.

    On SQLite the schema is brought up to date. Raises SettingsError for settings that cannot be
    used, and SchemaError for a PostgreSQL that has to be migrated first.
    """
    secrets = settings.webhook_secrets()
    command_key = settings.command_key()
    listener_settings = load_listener_settings()
    config = load_config(settings.billing_config)
    engine = writer_engine(settings.database_url)
    _prepare_schema(engine)
    metrics = Metrics()
    writer = Writer(engine, config, metrics)
    webhooks = WebhookEndpoint(secrets, audience_of(settings), writer, metrics)
    health = Health(engine, writer, metrics)

    watch = _watch(settings, listener_settings, engine, writer, metrics)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        writer.start()
        if watch is not None:
            watch.start()
        yield
        if watch is not None:
            await run_in_threadpool(watch.stop)
        await run_in_threadpool(writer.stop)
        engine.dispose()

    return Starlette(
        routes=[
            Route("/webhooks/stripe", webhooks, methods=["POST"]),
            Route("/commands/audit", audit_endpoint(command_key, writer).handle, methods=["POST"]),
            *link_routes(settings, config, engine, writer, metrics),
            Route("/healthz", health.healthz),
            Route("/readyz", health.readyz),
            Route("/metrics", health.metrics),
        ],
        lifespan=lifespan,
    )


def _watch(
    settings: Settings,
    listener_settings: ListenerSettings,
    engine: Engine,
    writer: Writer,
    metrics: Metrics,
) -> Watch | None:
    """What asks Stripe; None without a key, and then what the inbox cannot settle stays marked."""
    if settings.stripe_api_key is None:
        return None
    gateway = StripeGateway(
        settings.stripe_key(),
        api_base=settings.stripe_api_base,
        ration=ReadRation(per_month=listener_settings.stripe_reads_per_month),
    )
    inbound = Inbound(engine, writer.write, audience_of(settings))
    return Watch(inbound, gateway, listener_settings, metrics)


def _prepare_schema(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        schema.migrate(engine)
        return
    with reading_transaction(engine) as connection:
        schema.require_head(connection)
