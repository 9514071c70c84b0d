"""``python -m demo_app``: HOST and PORT say where."""

import os
import socket
import sys

import uvicorn

from litestar_tts.logs import log_config

if __name__ == "__main__":
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Listening before the engines are loaded: an early visitor waits a moment, and is not refused.
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        sys.exit(f"Cannot listen on {host}, port {port}: {reason}. Choose another: PORT=8001 make demo")
    name = f"[{host}]" if ":" in host else host
    print(f"Read aloud: http://{name}:{listening.getsockname()[1]} (Ctrl+C stops it)", flush=True)  # noqa: T201
    config = uvicorn.Config(
        "demo_app.app:app",
        # Nobody in front of a demo may say who its visitors are.
        proxy_headers=False,
        log_config=log_config("info"),
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listening])
