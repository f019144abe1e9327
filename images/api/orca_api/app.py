"""The application: its paths, and what stands behind them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orca_api import __version__, errors
from orca_api.completions import ASKS, Completions
from orca_api.errors import ApiError
from orca_api.metrics import Metrics
from orca_api.ollama import Ollama
from orca_api.recorder import Recorder
from orca_api.settings import Settings


class Service:
    """The small endpoints, and `draining`: set once the process has been told to end."""

    def __init__(self, settings: Settings, ollama: Ollama, metrics: Metrics) -> None:
        self.settings, self.ollama, self.metrics = settings, ollama, metrics
        self.draining = False

    async def healthz(self, _: Request) -> Response:
        """The process is alive; says nothing of Ollama."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """A completion would find a model."""
        if self.draining:
            return self._not_ready("the server is shutting down")
        try:
            models = await self.ollama.model_names()
        except ApiError as error:
            return self._not_ready(error.message)
        return JSONResponse({"ready": True, "models": models}) if models else self._not_ready("Ollama has no model")

    @staticmethod
    def _not_ready(reason: str) -> Response:
        return JSONResponse({"ready": False, "reason": reason}, status_code=503)

    async def version(self, _: Request) -> Response:
        """Which release answers."""
        settings = self.settings
        return JSONResponse({"version": __version__, "colour": settings.colour, "release": settings.release})

    async def models(self, _: Request) -> Response:
        return Response(await self.ollama.models(), media_type="application/json")

    async def model(self, request: Request) -> Response:
        return Response(await self.ollama.model(request.path_params["id"]), media_type="application/json")

    async def metrics_page(self, _: Request) -> Response:
        return Response(generate_latest(self.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def create(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> tuple[Starlette, Service]:
    """The application and its service. `transport` stands in for the network to Ollama."""
    metrics = Metrics(settings)
    service = Service(settings, Ollama(settings, transport), metrics)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await service.ollama.close()

    completions = Completions(settings, service.ollama, metrics)
    app = Starlette(
        routes=[
            *(Route(path, completions, methods=["POST"]) for path in ASKS),
            Route("/v1/models", service.models),
            Route("/v1/models/", service.models),  # or it would be a model without a name
            Route("/v1/models/{id:path}", service.model),
            Route("/healthz", service.healthz),
            Route("/readyz", service.readyz),
            Route("/version", service.version),
            Route("/metrics", service.metrics_page),
        ],
        middleware=[Middleware(Recorder, metrics=metrics)],
        exception_handlers={
            ApiError: errors.on_api_error,
            HTTPException: errors.on_http_error,
            Exception: errors.on_crash,
        },
        lifespan=lifespan,
    )
    return app, service
