"""The listener's HTTP application and what it holds while it runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from billing_core.config import BillingConfig, load_config
from billing_core.settings import Settings
from billing_core.stripe_gateway.configuration import ConfigurationGateway
from billing_core.stripe_gateway.ration import ReadRation
from webhook_listener import schema
from webhook_listener.alerts.settings import load_alert_settings
from webhook_listener.alerts.targets import targets_of
from webhook_listener.alerts.watchman import Watchman
from webhook_listener.commands import audit_endpoint
from webhook_listener.database import reading_transaction, writer_engine
from webhook_listener.event_commands import EventCommands
from webhook_listener.event_work import EventWork
from webhook_listener.front import WEBHOOK_PATH, Front
from webhook_listener.health import Health
from webhook_listener.inbox import audience_of
from webhook_listener.links.routes import link_routes
from webhook_listener.links.visits import Visits
from webhook_listener.metrics import Metrics
from webhook_listener.missed import schedule
from webhook_listener.missed.configuration import ConfigurationLook
from webhook_listener.missed.endpoint import EndpointLook
from webhook_listener.missed.inbound import Inbound, utc_now
from webhook_listener.missed.watch import Watch
from webhook_listener.projector import Orders
from webhook_listener.projector_process import ProjectorProcess
from webhook_listener.receive import WebhookEndpoint
from webhook_listener.settings import ListenerSettings, load_listener_settings
from webhook_listener.writer import Writer


class Beside(Protocol):
    """A thread that runs beside the service for as long as that does."""

    def start(self) -> None:
        """Start it."""

    def stop(self) -> None:
        """End it, and wait a little until it has."""


def create_app(settings: Settings, projector: ProjectorProcess) -> Front:
    """The application; its writer and ``projector`` run from startup to shutdown.

    On SQLite the schema is brought up to date. Raises SettingsError for settings that cannot be
    used, and SchemaError for a PostgreSQL that has to be migrated first.
    """
    secrets = settings.webhook_secrets()
    command_key = settings.command_key()
    listener_settings = load_listener_settings()
    alert_settings = load_alert_settings()
    config = load_config(settings.billing_config)
    engine = writer_engine(settings.database_url)
    _prepare_schema(engine)
    metrics = Metrics()
    writer = Writer(engine, metrics, projector.wake)
    webhooks = WebhookEndpoint(secrets, audience_of(settings), writer, metrics)
    visits = Visits(writer)
    health = Health(engine, writer, metrics, projector)

    inbound = Inbound(engine, writer.write, audience_of(settings))
    watch = _watch(settings, listener_settings, config, inbound, metrics)
    work = EventWork(engine, writer, audience_of(settings))
    events = EventCommands(work, asks_stripe=watch is not None)
    watchman = Watchman(inbound, config, alert_settings, targets_of(alert_settings), metrics)
    beside: list[Beside] = [work, watchman, *([watch] if watch is not None else [])]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        writer.start()
        orders = Orders(settings.database_url, str(settings.billing_config))
        projector.start(orders, tell=metrics.applied, died=metrics.projector_died)
        every = listener_settings.reconcile_seconds if watch is not None else 0
        writer.run(partial(schedule.publish, reconcile_seconds=every, now=utc_now()))
        for each in beside:
            each.start()
        yield
        for each in beside:
            await run_in_threadpool(each.stop)
        visits.write()
        await run_in_threadpool(writer.stop)
        await run_in_threadpool(projector.stop)
        engine.dispose()

    routes = Starlette(
        routes=[
            Route(WEBHOOK_PATH, webhooks, methods=["POST"]),
            Route("/commands/audit", audit_endpoint(command_key, writer).handle, methods=["POST"]),
            Route(
                "/commands/events", events.endpoint(command_key, writer).handle, methods=["POST"]
            ),
            *link_routes(settings, config, engine, writer, metrics, visits),
            Route("/healthz", health.healthz),
            Route("/readyz", health.readyz),
            Route("/metrics", health.metrics),
        ],
        lifespan=lifespan,
    )
    return Front(webhooks, routes)


def _watch(
    settings: Settings,
    listener_settings: ListenerSettings,
    config: BillingConfig,
    inbound: Inbound,
    metrics: Metrics,
) -> Watch | None:
    """What asks Stripe; None without a key, and then what the inbox cannot settle stays marked."""
    if settings.stripe_api_key is None:
        return None
    gateway = ConfigurationGateway(
        settings.stripe_key(),
        api_base=settings.stripe_api_base,
        ration=ReadRation(per_month=listener_settings.stripe_reads_per_month),
    )
    endpoint = EndpointLook(inbound, gateway, settings.public_url)
    configuration = ConfigurationLook(
        inbound,
        gateway,
        config,
        app_url=settings.app_url,
        every_seconds=listener_settings.configuration_check_seconds,
    )
    return Watch(inbound, gateway, listener_settings, metrics, endpoint, configuration)


def _prepare_schema(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        schema.migrate(engine)
        return
    with reading_transaction(engine) as connection:
        schema.require_head(connection)
