"""Errors in the shape that OpenAI's clients understand."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

RETRY_AFTER_SECONDS = 2


class ApiError(Exception):
    """An answer other than success: HTTP status, message for the caller, code for programs, and the field at fault."""

    def __init__(self, status: int, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param


def body(error: ApiError) -> dict[str, dict[str, str | None]]:
    """https://platform.openai.com/docs/api-reference/errors"""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": error.code}}


def response(error: ApiError) -> JSONResponse:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.status == 503 else None
    return JSONResponse(body(error), status_code=error.status, headers=headers)


async def on_api_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    return response(error)


async def on_http_error(_: Request, error: Exception) -> JSONResponse:
    """Unknown paths and wrong methods, which the router reports in plain text."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    answer = response(ApiError(error.status_code, error.detail, code))
    answer.headers.update(error.headers or {})
    return answer


async def on_crash(_: Request, __: Exception) -> JSONResponse:
    """A fault of this program; what happened is in the log, not in the answer."""
    return response(ApiError(500, "internal error", "internal_error"))
