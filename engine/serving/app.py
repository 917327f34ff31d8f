"""The pages a worker serves."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.serving.intake import Intake
from engine.serving.readiness import Readiness, as_json


def make_app(readiness: Readiness, registry: CollectorRegistry, intake: Intake) -> Starlette:
    """Health, metrics and the intake of events."""

    async def live(_: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(_: Request) -> Response:
        told = as_json(await readiness.look())
        return JSONResponse(told, 200 if told["ready"] else 503)

    async def metrics(_: Request) -> Response:
        return Response(await asyncio.to_thread(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)

    async def events(request: Request) -> Response:
        return await intake(request)

    return Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/metrics", metrics),
            Route("/events", events, methods=["POST"]),
        ]
    )
