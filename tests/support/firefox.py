"""A stock Firefox over WebDriver BiDi, with the little of Playwright's pages that the client's tests use.

Playwright drives only a Firefox of its own; BiDi is built into each Firefox that people have.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

__all__ = ("FIREFOX", "Firefox", "FirefoxPage", "firefox")

FIREFOX = os.environ.get("TTS_TEST_FIREFOX")
"""Path of the Firefox that the client's tests are to run in, instead of Chromium; ``make browser-firefox`` sets it."""

PATIENCE: Final = 30.0
PREFERENCES: Final = {"network.dns.localDomains": "plain.example", "browser.shell.checkDefaultBrowser": False}

# As Playwright has it: an expression, or a function to call; what comes back is plain data, `undefined` is null.
EVALUATE: Final = """async () => {
  const found = (%s);
  const value = await (typeof found === "function" ? found(%s) : found);
  return JSON.stringify(value, (_, one) => (one === undefined ? null : ArrayBuffer.isView(one) ? [...one] : one));
}"""


class Firefox:
    """The browser's end of the protocol; one thread, so events are handled while something is waited for."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.pages: dict[str, FirefoxPage] = {}
        self.answers: dict[int, dict[str, Any]] = {}
        self.number = 0
        self.version: str = self.send("session.new", capabilities={})["capabilities"]["browserVersion"]
        self.send("session.subscribe", events=["log.entryAdded"])

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command, and waits for its result."""
        self.number += 1
        number = self.number
        self.connection.send(json.dumps({"id": number, "method": method, "params": params}))
        end = time.monotonic() + PATIENCE
        while number not in self.answers:
            if time.monotonic() > end:
                raise TimeoutError(f"Firefox does not answer {method}")
            self.listen(1.0)
        answer = self.answers.pop(number)
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def listen(self, seconds: float) -> None:
        """Takes in one message, or none in so many seconds."""
        try:
            message = json.loads(self.connection.recv(timeout=seconds))
        except TimeoutError:
            return
        if message["type"] != "event":
            self.answers[message["id"]] = message
        elif message["method"] == "log.entryAdded":
            page = self.pages.get(message["params"]["source"].get("context"))
            if page is not None:
                page.note(message["params"])

    def new_page(self) -> "FirefoxPage":
        """A page that shares nothing with the others."""
        user = self.send("browser.createUserContext")["userContext"]
        context = self.send("browsingContext.create", type="tab", userContext=user)["context"]
        page = self.pages[context] = FirefoxPage(self, context, user)
        return page


class FirefoxPage:
    """A tab."""

    def __init__(self, browser: Firefox, context: str, user: str) -> None:
        self.browser = browser
        self.context = context
        self.user = user
        self.hears: dict[str, list[Callable[[Any], None]]] = {"console": [], "pageerror": []}

    def on(self, event: str, act: Callable[[Any], None]) -> None:
        """Calls ``act`` for each ``console`` message (``type``, ``text``) or ``pageerror`` (its text)."""
        self.hears[event].append(act)

    def note(self, entry: dict[str, Any]) -> None:
        """Passes an entry of the log on."""
        uncaught = entry["type"] == "javascript" and entry["level"] == "error"
        level = {"warn": "warning"}.get(entry["level"], entry["level"])
        message = entry["text"] if uncaught else _Message(level, entry["text"] or "")
        for act in self.hears["pageerror" if uncaught else "console"]:
            act(message)

    def set_default_timeout(self, milliseconds: float) -> None:
        """Does nothing: all that waits here waits for ``PATIENCE``."""

    def add_init_script(self, script: str) -> None:
        """Runs a script in each document before its own."""
        function = f"() => {{ {script}\n }}"
        self.browser.send("script.addPreloadScript", functionDeclaration=function, contexts=[self.context])

    def goto(self, url: str) -> None:
        """Opens an address, and waits until it is loaded."""
        self.browser.send("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        """What an expression of JavaScript, or the function that it is, gives; counts as a click of the user's."""
        result = self._call(EVALUATE % (expression, json.dumps(argument)))
        return json.loads(result["value"]) if result["type"] == "string" else None

    def _call(self, function: str) -> dict[str, Any]:
        answer = self.browser.send(
            "script.callFunction",
            functionDeclaration=function,
            target={"context": self.context},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for_timeout(self, milliseconds: float) -> None:
        """Lets so much time pass."""
        end = time.monotonic() + milliseconds / 1000
        while (left := end - time.monotonic()) > 0:
            self.browser.listen(left)

    def locator(self, selector: str) -> "_Element":
        """An element by its selector."""
        return _Element(self, f"document.querySelector({json.dumps(selector)})")

    def get_by_role(self, role: str, *, name: str, exact: bool = True) -> "_Element":
        """A button by its name; also in the shadow of an element."""
        assert (role, exact) == ("button", True), "nothing else is known here"
        return _Element(
            self,
            "[document, ...[...document.querySelectorAll('*')].flatMap(({ shadowRoot }) => shadowRoot ?? [])]"
            ".flatMap((root) => [...root.querySelectorAll('button')]).find((one) => one.checkVisibility()"
            f" && (one.ariaLabel ?? one.textContent).trim() === {json.dumps(name)})",
        )

    def press(self, key: str) -> None:
        """Presses a key and lets it go."""
        actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self.browser.send("input.performActions", context=self.context, actions=[source])

    def close(self) -> None:
        """Closes the tab, with all that it had."""
        self.wait_for_timeout(20)  # what it was about to complain of
        self.browser.send("browser.removeUserContext", userContext=self.user)
        del self.browser.pages[self.context]


class _Message:
    def __init__(self, kind: str, text: str) -> None:
        self.type = kind
        self.text = text


class _Element:
    def __init__(self, page: FirefoxPage, expression: str) -> None:
        self.page = page
        self.expression = expression

    def wait_for(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = self.page._call(f"() => {self.expression}")
            if found["type"] == "node":
                return found
            self.page.wait_for_timeout(15)
        raise AssertionError(f"never there: {self.expression}")

    def click(self) -> None:
        element = {"sharedId": self.wait_for()["sharedId"]}
        self.page._call(f"() => {self.expression}.scrollIntoView({{ block: 'center', behavior: 'instant' }})")
        actions = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": element}},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        source = {"type": "pointer", "id": "mouse", "actions": actions}
        self.page.browser.send("input.performActions", context=self.page.context, actions=[source])


@contextmanager
def firefox(path: str) -> Iterator[Firefox]:
    """A headless Firefox with a fresh profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        Path(profile, "user.js").write_text("\n".join(lines), encoding="utf-8")
        process = subprocess.Popen(
            [path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"MOZ_CRASHREPORTER_DISABLE": "1"},
        )
        try:
            with connect(_address(process, profile), max_size=None, open_timeout=PATIENCE) as connection:
                browser = Firefox(connection)
                yield browser
                browser.send("browser.close")
                process.wait(20)
        finally:
            process.kill()
            process.wait()


def _address(process: "subprocess.Popen[bytes]", profile: str) -> str:
    told = Path(profile, "WebDriverBiDiServer.json")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if told.exists() and (text := told.read_text(encoding="utf-8")):
            server = json.loads(text)
            return f"ws://{server['ws_host']}:{server['ws_port']}/session"
        time.sleep(0.05)
    raise RuntimeError(
        "Firefox did not start. One from a snap does not see the profile that it is given: name another one in FIREFOX."
    )
