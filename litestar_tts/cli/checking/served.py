"""Files and pages: the browser client, the API's description, the demo page."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath
from typing import Final
from urllib.parse import urlsplit

from litestar_tts.cli.checking.notes import Fault, Notes, SkipProbeError
from litestar_tts.cli.checking.target import Target, expect_keys

__all__ = ("probe_client_files", "probe_docs", "probe_page")

FILES: Final = ("tts.js", "tts.d.ts", "types.d.ts", "elements.js", "player.js", "avatar.js", "adapters.js")
MOST_FILES: Final = 60
# A regular expression of JavaScript may have what looks like the beginning of a comment.
COMMENT: Final = re.compile(r"(?<!\\)/\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)
IMPORT: Final = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.\.?/[\w./-]+\.js)["']""")
DOCUMENTS: Final = ("/docs/openapi.json", "/schema/openapi.json")
ROUTES: Final = ("/generate", "/generate-stream", "/generate-visemes", "/generate-captions", "/voices", "/health")


async def probe_client_files(target: Target, notes: Notes) -> str:
    """``/client/…``: modules, what they import, and types, with tags that save sending them again."""
    first = await target.ask("GET", "/client/tts.js", status=None)
    if first.status == 404:
        raise SkipProbeError("not mounted (mount_client)")
    if first.status == 401:
        raise Fault(first.describe(), advice=first.advice)
    wanted, size = list(FILES), 0
    for name in wanted:
        answer = await target.ask("GET", f"/client/{name}", status=None)
        if not notes.expect(answer.status == 200, f"/client/{name}: {answer.status}"):
            continue
        expected = "text/javascript" if name.endswith(".js") else "text/plain"
        notes.expect(answer.media_type == expected, f"/client/{name}: Content-Type is {answer.media_type or 'missing'}")
        sniff = answer.headers.get("x-content-type-options")
        notes.expect(sniff == "nosniff", f"/client/{name}: X-Content-Type-Options is not nosniff")
        notes.expect(answer.body, f"/client/{name}: empty")
        size += len(answer.body)
        if name.endswith(".js") and len(wanted) < MOST_FILES:
            wanted += [found for found in _imports(name, answer.body) if found not in wanted]
        tag = answer.headers.get("etag")
        if notes.expect(tag, f"/client/{name}: no ETag"):
            again = await target.ask("GET", f"/client/{name}", headers={"if-none-match": tag}, status=None)
            notes.expect(again.status == 304, f"/client/{name}: {again.status} although nothing has changed")
    notes.data["files"] = wanted
    return f"{len(wanted)} files, {size / 1024:.0f} KiB; asked again they cost nothing (304)"


def _imports(name: str, module: bytes) -> list[str]:
    """Files that a module imports, by their names under ``/client``."""
    code = COMMENT.sub("", module.decode("utf-8", "replace"))
    return list(dict.fromkeys(normpath(join(dirname(name), found)) for found in IMPORT.findall(code)))


async def probe_docs(target: Target, notes: Notes) -> str:
    """The OpenAPI document, of the standalone server or of the host application."""
    origin, path = _split(target.base)
    for document in DOCUMENTS:
        answer = await target.ask("GET", document, base=origin, key=False, status=None)
        if answer.status == 200:
            break
    else:
        raise SkipProbeError("no OpenAPI document at /docs or /schema")
    found = answer.json()
    expect_keys(document, found, openapi=str, paths=dict)
    missing = [route for route in ROUTES if f"{path}{route}" not in found["paths"]]
    if len(missing) == len(ROUTES):
        raise SkipProbeError("the host's OpenAPI document leaves these routes out (include_in_schema)")
    notes.expect(not missing, f"{document}: {', '.join(missing)} missing")
    if not path:
        page = await target.ask("GET", "/docs", key=False, status=None)
        notes.expect(page.status == 200 and page.media_type == "text/html", f"/docs: {page.status} {page.media_type}")
    return f"{document}: {len(found['paths'])} paths"


async def probe_page(target: Target, notes: Notes) -> str:
    """The demo page of the standalone server."""
    if _split(target.base)[1]:
        raise SkipProbeError("the standalone server's only")
    try:
        page = await target.ask("GET", "/", status=None)
    except Fault as fault:
        raise Fault(fault.figure) from None
    if page.status == 401:
        raise Fault(page.describe(), advice=page.advice)
    if page.status == 404:
        raise SkipProbeError("there is no page at /")
    notes.expect(page.status == 200 and page.media_type == "text/html", f"/: {page.status} {page.media_type}")
    policy = page.headers.get("content-security-policy", "")
    notes.expect("script-src" in policy or "default-src" in policy, "/: no Content-Security-Policy")
    notes.expect("'unsafe-inline'" not in policy, "/: its Content-Security-Policy allows inline scripts or styles")
    return f"{len(page.body) / 1024:.0f} KiB"


def _split(base: str) -> tuple[str, str]:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}", parts.path
