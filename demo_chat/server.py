"""HTTP around the chat: the page, its headers, the WebSocket's door, /health and /stats; and how uvicorn runs it."""

from __future__ import annotations

import errno
import mimetypes
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

import hbss
from demo_chat import wire
from demo_chat.chat import Chat
from demo_chat.checker import VerifyEach
from demo_chat.errors import ChatError
from demo_chat.history import History
from demo_chat.room import LIMITS, POLICY, Limits, Room

STATIC = Path(__file__).parent / "static"

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types hbss-worker"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # ask each time whether it has changed: page and worker must fit together
}
SENDING = 128 << 10  # bytes that the system may keep for one client who does not read
STUCK = 30_000  # ms after which the system gives up a connection whose peer takes nothing

mimetypes.add_type("text/javascript", ".js")  # whatever the machine's own table says: browsers insist on both
mimetypes.add_type("application/wasm", ".wasm")


def build(
    origin: str,
    history: History,
    room: str = "main",
    allowed: Collection[str] = (),
    limits: Limits = LIMITS,
    verify_each: VerifyEach = hbss.verify_each,
) -> FastAPI:
    """The application. origin: its one address, as browsers write it. allowed: other front ends' origins."""
    known = history.recent(limits.recent), history.reuses(limits.recent)
    chat = Chat(Room(origin, room, *known, limits), history, verify_each)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        chat.start()
        yield
        chat.stop()

    app = FastAPI(title="hbss-chat", lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1000)  # the page weighs a third of what it is
    _add_headers(app, origin, allowed)
    _add_pages(app, chat)
    _add_socket(app, chat, origin, allowed)
    return app


def _add_headers(app: FastAPI, origin: str, allowed: Collection[str]) -> None:
    host = urlsplit(origin).netloc

    @app.middleware("http")
    async def headers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Under another host name (127.0.0.1) it would be another origin: go to the one that is signed."""
        if request.headers.get("host", "").lower() != host and request.url.path != "/health":
            query = f"?{request.url.query}" if request.url.query else ""
            response: Response = RedirectResponse(f"{origin}{request.url.path}{query}", 307)
        else:
            response = await answer(request)
        response.headers.update(HEADERS)
        asking = request.headers.get("origin")
        if request.url.path.startswith("/static/"):
            response.headers.add_vary_header("Origin")
            if asking is not None and asking in allowed:
                response.headers["Access-Control-Allow-Origin"] = asking
        return response


def _add_pages(app: FastAPI, chat: Chat) -> None:
    @app.get("/", response_model=None)
    async def page() -> Response:
        if not (STATIC / "index.html").is_file():
            return PlainTextResponse("the page is not part of this installation; hbss-chat-client works\n", 404)
        return FileResponse(STATIC / "index.html")

    @app.get("/health", response_model=None)
    async def health() -> Response:
        well = chat.checker.healthy()
        return JSONResponse({"status": "ok" if well else "failing", "protocol": wire.PROTOCOL}, 200 if well else 503)

    @app.get("/stats")
    async def stats() -> dict[str, object]:
        return chat.stats()

    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")


def _add_socket(app: FastAPI, chat: Chat, origin: str, allowed: Collection[str]) -> None:
    host = urlsplit(origin).netloc

    @app.websocket("/ws")
    async def door(websocket: WebSocket) -> None:
        """Browsers always say which page opens a socket; a program that says nothing is no browser.

        Who may not come in is told why: a page can read why a socket was closed, and not why a handshake failed.
        """
        await websocket.accept()
        asking = websocket.headers.get("origin")
        if websocket.headers.get("host", "").lower() != host:
            await websocket.close(POLICY, f"this server is {origin}; use that address")
        elif asking is not None and asking != origin and asking not in allowed:
            await websocket.close(POLICY, "pages of this origin may not use the chat: see hbss-chat --allow-origin")
        else:
            await chat.serve(websocket)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; ChatError if there can be none."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        why = os.strerror(number) if number and number in errno.errorcode else str(error)  # without what Python adds
        raise ChatError(f"cannot listen at {host}, port {port}: {why}; choose another --port") from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SENDING)  # accepted connections inherit both
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK)
    return listener


def runner(app: FastAPI, certificate: Path | None = None, key: Path | None = None) -> uvicorn.Server:
    """What runs it, in one process. ChatError if certificate and key cannot be used."""
    config = uvicorn.Config(
        app, ws="websockets-sansio", ws_max_size=wire.FRAME_BYTES, ws_per_message_deflate=False, ws_ping_interval=20,
        ws_ping_timeout=20, lifespan="on", log_level="warning", access_log=False, server_header=False,
        ssl_certfile=certificate, ssl_keyfile=key, timeout_graceful_shutdown=3,
    )  # fmt: skip
    try:
        config.load()
    except OSError as error:  # ssl.SSLError is one
        raise ChatError(
            f"the TLS certificate {certificate} or key {key} cannot be used: {error.strerror or error}"
        ) from None
    return uvicorn.Server(config)
