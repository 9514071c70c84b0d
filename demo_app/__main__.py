"""``python -m demo_app``: HOST and PORT say where."""

import os

import uvicorn

from litestar_tts.logs import log_config

if __name__ == "__main__":
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    print(f"Read aloud: http://{host}:{port} (Ctrl+C stops it)", flush=True)  # noqa: T201
    uvicorn.run(
        "demo_app.app:app",
        host=host,
        port=port,
        # Nobody in front of a demo may say who its visitors are.
        proxy_headers=False,
        log_config=log_config("info"),
        timeout_graceful_shutdown=3,
    )
