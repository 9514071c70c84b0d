"""A host application with a route of every kind, and the requests that show whether one of them has changed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from litestar import (
    Controller,
    MediaType,
    Request,
    Response,
    Router,
    WebSocket,
    asgi,
    delete,
    get,
    head,
    post,
    put,
    route,
    websocket,
)
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import Cookie, State, UploadFile
from litestar.di import NamedDependency, Provide
from litestar.dto import DataclassDTO, DTOConfig
from litestar.enums import RequestEncodingType
from litestar.exceptions import HTTPException, NotFoundException
from litestar.params import Body, FromPath, FromQuery, HeaderParameter, QueryParameter
from litestar.response import File, Redirect, ServerSentEvent, Stream
from litestar.response.base import ASGIResponse
from litestar.static_files import create_static_files_router

AnyRequest = Request[Any, Any, State]


@dataclass
class Note:
    title: str
    secret: str = ""


class NoteDTO(DataclassDTO[Note]):
    config = DTOConfig(exclude={"secret"})


class HouseError(Exception):
    """An error of the host's own kind."""


@get("/", media_type=MediaType.TEXT)
async def index() -> str:
    return "the host's page"


@get("/json")
async def as_json() -> dict[str, Any]:
    return {"text": "x" * 2000, "numbers": [1, 2.5, None]}


@get("/stream")
async def stream() -> Stream:
    async def parts() -> AsyncIterator[bytes]:
        for number in range(3):
            yield f"part {number} ".encode() * 100
            await asyncio.sleep(0)

    return Stream(parts(), media_type="audio/mpeg")


@get("/events")
async def events() -> ServerSentEvent:
    async def parts() -> AsyncIterator[str]:
        for number in range(2):
            yield f"event {number}"

    return ServerSentEvent(parts())


@get("/cookie")
async def cookie() -> Response[str]:
    return Response("set", cookies=[Cookie(key="flavour", value="vanilla")], headers={"X-Request-ID": "of the host"})


@post("/session")
async def remember(request: AnyRequest) -> dict[str, Any]:
    if "session" in request.scope:
        request.set_session({"seen": (request.session or {}).get("seen", 0) + 1})
    return {"seen": request.session if "session" in request.scope else None}


@post("/upload")
async def upload(
    data: Annotated[dict[str, UploadFile], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> dict[str, int]:
    return {name: len(await file.read()) for name, file in data.items()}


@post("/form")
async def form(data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]) -> dict[str, str]:
    return data


@post("/notes", dto=NoteDTO, return_dto=NoteDTO)
async def notes(data: Annotated[Note, Body()]) -> Note:
    return data


@get("/notes/{number:int}")
async def note(number: FromPath[int]) -> Note:
    return Note(f"note {number}")


@get("/redirect")
async def redirect() -> Redirect:
    return Redirect("/json")


@get("/cached", cache=True)
async def cached(request: AnyRequest) -> int:
    request.app.state.cached = getattr(request.app.state, "cached", 0) + 1
    return int(request.app.state.cached)


@get("/names")
async def names(
    tts: FromQuery[str],
    engine: FromQuery[str],
    service: FromQuery[str],
    request_id: FromQuery[str],
    voice: FromQuery[str],
) -> list[str]:
    return [tts, engine, service, request_id, voice]


def own(name: str) -> Provide:
    """A dependency of the host's."""

    async def provide() -> str:
        return f"the host's own {name}"

    return Provide(provide)


async def yields() -> AsyncIterator[str]:
    yield "yielded"


_OWN = {name: own(name) for name in ("tts", "engine", "service", "request_id")}


@get("/injected", dependencies={**_OWN, "opened": Provide(yields)})
async def injected(
    tts: NamedDependency[str],
    engine: NamedDependency[str],
    service: NamedDependency[str],
    request_id: NamedDependency[str],
    opened: NamedDependency[str],
) -> list[str]:
    return [tts, engine, service, request_id, opened]


@get("/broken")
async def broken() -> str:
    raise RuntimeError("broken")


@get("/house-error")
async def house_error() -> str:
    raise HouseError("of the house")


@get("/missing")
async def missing() -> str:
    raise NotFoundException("nothing here")


@get("/teapot")
async def teapot() -> str:
    raise HTTPException("short and stout", status_code=418, headers={"X-Pot": "tea"})


@get("/validated")
async def validated(number: Annotated[int, QueryParameter(ge=3)]) -> int:
    return number


@get("/tenant")
async def tenant(tenant: Annotated[str, HeaderParameter(name="X-Tenant")] = "none") -> str:
    return tenant


async def _done(state: list[str]) -> None:
    state.append("done")


@get("/background")
async def background() -> Response[str]:
    return Response("later", background=BackgroundTask(_done, []))


@head("/head-only")
async def head_only() -> None:
    return None


@put("/put")
async def put_it(request: AnyRequest) -> str:
    return (await request.body()).decode()


@delete("/delete")
async def delete_it() -> None:
    return None


@route("/any", http_method=["GET", "OPTIONS", "PATCH"], status_code=200)
async def anything(request: AnyRequest) -> str:
    return request.method


@get("/tts-admin")
async def similar() -> str:
    return "admin"


@get("/ttsx/{name:str}")
async def also_similar(name: FromPath[str]) -> str:
    return name


@get("/tts")
async def the_prefix_itself() -> str:
    return "the host's page about speech"


@websocket("/socket")
async def socket(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    await socket.send_text("welcome " + await socket.receive_text())
    await socket.send_bytes(b"\x00\x01")
    await socket.close(4000, "enough")


@asgi("/mount", is_mount=True, copy_scope=True)
async def mount(scope: Any, receive: Any, send: Any) -> None:
    await ASGIResponse(body=f"mounted {scope['path']}", media_type=MediaType.TEXT)(scope, receive, send)


class Articles(Controller):
    path = "/articles"

    @get()
    async def list_all(self) -> list[str]:
        return ["one", "two"]

    @get("/{slug:str}", name="article")
    async def one(self, slug: FromPath[str], request: AnyRequest) -> str:
        return f"{slug} at {request.url_for('article', slug=slug)}"


def routes(folder: Path) -> list[Any]:
    """Handlers of the host; made anew for each application."""
    (folder / "page.txt").write_text("a file, " * 300)

    @get("/file")
    async def file() -> File:
        return File(folder / "page.txt", filename="page.txt")

    plain = [
        index, as_json, stream, events, cookie, remember, upload, form, notes, note, redirect, cached, names, injected,
        broken, house_error, missing, teapot, validated, tenant, background, head_only, put_it, delete_it, anything,
        similar, also_similar, the_prefix_itself, socket, mount, Articles, file,
    ]  # fmt: skip
    inner = Router("/inner", route_handlers=[get("/deep", sync_to_thread=False)(_deep)], tags=["inner"])
    return [*plain, inner, create_static_files_router("/static", [folder])]


def _deep() -> str:
    return "deep"


FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=cut"}
PREFLIGHT = {"origin": "https://app.example", "access-control-request-method": "POST"}
JSON = {"content-type": "application/json"}

REQUESTS: list[tuple[str, str, dict[str, str], bytes]] = [
    ("GET", "/", {}, b""),
    ("HEAD", "/", {}, b""),
    ("OPTIONS", "/", {}, b""),
    ("POST", "/", JSON, b"{}"),
    ("TRACE", "/", {}, b""),
    ("GET", "/json", {}, b""),
    ("GET", "/stream", {}, b""),
    ("GET", "/events", {}, b""),
    ("GET", "/cookie", {}, b""),
    ("POST", "/session", {}, b""),
    ("POST", "/session", {}, b""),
    (
        "POST",
        "/upload",
        MULTIPART,
        b'--cut\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nabc\r\n--cut--\r\n',
    ),
    ("POST", "/form", FORM, b"a=1&b=2"),
    ("POST", "/notes", JSON, b'{"title": "t"}'),
    ("POST", "/notes", JSON, b'{"title": 1}'),
    ("POST", "/notes", JSON, b"{"),
    ("GET", "/notes/3", {}, b""),
    ("GET", "/notes/x", {}, b""),
    ("GET", "/redirect", {}, b""),
    ("GET", "/cached", {}, b""),
    ("GET", "/cached", {}, b""),
    ("GET", "/names?tts=a&engine=b&service=c&request_id=d&voice=e", {}, b""),
    ("GET", "/names", {}, b""),
    ("GET", "/injected", {}, b""),
    ("GET", "/broken", {}, b""),
    ("GET", "/house-error", {}, b""),
    ("GET", "/missing", {}, b""),
    ("GET", "/teapot", {}, b""),
    ("GET", "/validated?number=5", {}, b""),
    ("GET", "/validated?number=1", {}, b""),
    ("GET", "/tenant", {"x-tenant": "me"}, b""),
    ("GET", "/background", {}, b""),
    ("HEAD", "/head-only", {}, b""),
    ("PUT", "/put", {}, b"put"),
    ("PUT", "/put", {}, b"p" * 5000),
    ("DELETE", "/delete", {}, b""),
    ("GET", "/any", {}, b""),
    ("OPTIONS", "/any", {}, b""),
    ("OPTIONS", "/json", PREFLIGHT, b""),
    ("GET", "/json", {"origin": "https://app.example"}, b""),
    ("GET", "/json", {"host": "evil.example"}, b""),
    ("GET", "/tts-admin", {}, b""),
    ("GET", "/ttsx/generate", {}, b""),
    ("GET", "/ttsx", {}, b""),
    ("GET", "/tts", {}, b""),
    ("POST", "/tts", {}, b""),
    ("GET", "/mount/a/b", {}, b""),
    ("GET", "/articles", {}, b""),
    ("GET", "/articles/", {}, b""),
    ("GET", "/articles/x", {}, b""),
    ("GET", "/file", {}, b""),
    ("GET", "/static/page.txt", {}, b""),
    ("HEAD", "/static/page.txt", {}, b""),
    ("GET", "/static/none.txt", {}, b""),
    ("GET", "/inner/deep", {}, b""),
    ("GET", "/nonsense", {}, b""),
    ("GET", "/generate", {}, b""),
    ("GET", "/health", {}, b""),
    ("GET", "/schema", {}, b""),
    ("GET", "/schema/nonsense", {}, b""),
]
"""What is asked of the host; none of it is ours."""
