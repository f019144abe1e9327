"""Talks to Ollama: one connection pool, and its failures told in our own errors."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx

from orca_api.errors import ApiError
from orca_api.settings import Settings

KILLED = ("signal: killed", "resource limitations")
"""What Ollama says (500) when a model's process was killed, for too little memory: the next request loads it again."""
QUICK = 2.0  # seconds: for questions that need no model


class Ollama:
    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """`transport` stands in for the network."""
        self._client = httpx.AsyncClient(
            base_url=settings.ollama_base_url,
            timeout=httpx.Timeout(connect=settings.connect_timeout, read=settings.read_timeout, write=30, pool=5),
            limits=httpx.Limits(max_connections=settings.max_in_flight + 16, max_keepalive_connections=32),
            headers={"Accept-Encoding": "identity"},
            transport=transport,
            trust_env=False,  # a proxy for the way out must not catch what stays inside
        )

    async def close(self) -> None:
        await self._client.aclose()

    @asynccontextmanager
    async def completion(self, path: str, content: bytes, request_id: str) -> AsyncIterator[httpx.Response]:
        """The open answer to a request that makes a model work; leaving the block early makes Ollama stop. Raises
        ApiError."""
        headers = {"Content-Type": "application/json", "X-Request-ID": request_id}
        request = self._client.build_request("POST", path, content=content, headers=headers)
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise failure(error) from error
        try:
            if answer.status_code != 200:
                raise refusal(answer.status_code, await read(answer))
            yield answer
        finally:
            await answer.aclose()

    async def models(self) -> bytes:
        """The models as OpenAI lists them, in JSON. Raises ApiError."""
        return await self._get("/v1/models")

    async def model(self, name: str) -> bytes:
        """One of them. Raises ApiError."""
        return await self._get(f"/v1/models/{quote(name, safe='/:')}")

    async def model_names(self) -> list[str]:
        """The models that could be used now. Raises ApiError."""
        try:
            return [model["name"] for model in json.loads(await self._get("/api/tags"))["models"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ApiError(502, "Ollama's list of models could not be read", "ollama_error") from error

    async def _get(self, path: str) -> bytes:
        try:
            answer = await self._client.get(path, timeout=QUICK)
        except httpx.HTTPError as error:
            raise failure(error) from error
        if answer.status_code != 200:
            raise refusal(answer.status_code, answer.content)
        return answer.content


async def read(answer: httpx.Response) -> bytes:
    """The whole body. Raises ApiError."""
    try:
        return await answer.aread()
    except httpx.HTTPError as error:
        raise failure(error) from error


def failure(error: httpx.HTTPError) -> ApiError:
    """Ollama could not be asked (503: it got nothing of the request), stayed silent (504), or broke off (502)."""
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.PoolTimeout():
            return ApiError(503, "Ollama cannot be reached; try again shortly", "ollama_unreachable")
        case httpx.TimeoutException():
            return ApiError(504, "Ollama did not answer in time", "ollama_timeout")
        case _:
            return ApiError(502, "the connection to Ollama broke before its answer was complete", "ollama_broke_off")


def refusal(status: int, content: bytes) -> ApiError:
    """Ollama answered with an error status."""
    message = reason(content) or f"Ollama answered with status {status}"
    if status == 503:
        return ApiError(503, message, "overloaded")
    if status == 404:
        return ApiError(404, message, "model_not_found", "model")
    if any(words in message for words in KILLED):
        return ApiError(503, message, "model_killed")
    if 400 <= status < 500:
        return ApiError(status, message, "invalid_request")
    return ApiError(502, message, "ollama_error")


def reason(content: bytes) -> str | None:
    """The message in an error document of Ollama: `{"error": "…"}` or `{"error": {"message": "…"}}`."""
    try:
        error: Any = json.loads(content)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return None
