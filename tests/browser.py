"""Headless Chromium at the other end of its debugging pipe: real keys, any size of window, what the console says."""

import base64
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from html_page import ATTEMPTS, CHROMIUM, require_chromium

#: Most seconds that anything asked for may take.
PATIENCE = 30
#: Windows virtual key codes, by the names of KeyboardEvent.
KEYS = {
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, " ": 32, "b": 66, "Tab": 9,
}  # fmt: skip


class GoneError(Exception):
    """The browser has ended."""


class Browser:
    """One tab. https://chromedevtools.github.io/devtools-protocol tells the methods of `call`.

    Attributes:
        complaints: errors and warnings that the console had, and exceptions, so far.
    """

    def __init__(self, to_browser: int, from_browser: int):
        self._to, self._from, self._buffer = to_browser, from_browser, b""
        self._session, self._calls, self.complaints = {}, 0, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> dict:
        """Send a message of the protocol; its result."""
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": parameters, **self._session}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != self._calls:
            self._note(answer)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def _receive(self) -> dict:
        while b"\0" not in self._buffer:
            assert select.select([self._from], [], [], PATIENCE)[0], "the browser does not answer"
            part = os.read(self._from, 1 << 20)
            if not part:
                raise GoneError
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict) -> None:
        about = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(about["exceptionDetails"])
        elif event.get("method") == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.complaints.append(about["args"])
        elif event.get("method") == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(about["entry"])

    def show(self, width: int, height: int, dark: bool = False, scripts: bool = True) -> None:
        """The window's size in pixels, what the system prefers, and whether scripts run; before `open`."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait_for(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(url)})")

    def evaluate(self, expression: str):
        """The value of a JavaScript expression, which may do what only users may, such as play."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Return when an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"still not true: {expression}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release a key, as a user does."""
        about = {"key": key, "code": {" ": "Space", "b": "KeyB"}.get(key, key), "windowsVirtualKeyCode": KEYS[key]}
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def click(self, selector: str, across: float = 0.5) -> None:
        """Click on an element that can be seen, at a part of its width."""
        box = self.evaluate(
            f"(({{left, top, width, height}}) => [left, top, width, height])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        place = {"x": box[0] + across * box[2], "y": box[1] + box[3] / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **place)

    def screenshot(self, path: Path) -> None:
        """A PNG of the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """Let go of the pipe, at which the browser ends."""
        os.close(self._to)
        os.close(self._from)


def start(profile: Path) -> tuple[subprocess.Popen, Browser]:
    """A browser with its profile in a folder."""
    there, from_here = os.pipe()
    from_there, back = os.pipe()
    command = [*CHROMIUM, "--remote-debugging-pipe", f"--user-data-dir={profile}", "--mute-audio"]
    # the browser reads its file descriptor 3 and writes 4; other shells know no descriptors above 9
    shell = ["bash", "-c", f'exec "$@" 3<&{there} 4>&{back}', "bash", *command]
    with open(profile.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(shell, pass_fds=(there, back), stdout=log, stderr=log)
    os.close(there)
    os.close(back)
    try:
        return process, Browser(from_here, from_there)
    except BaseException:
        process.kill()
        process.wait()
        raise


@contextmanager
def browsing(profile: Path) -> Iterator[Browser]:
    """A browser, stopped at the end. See `require_chromium`."""
    require_chromium()
    for attempt in range(ATTEMPTS):
        try:
            process, browser = start(profile)
            break
        except (GoneError, BrokenPipeError):
            if attempt == ATTEMPTS - 1:
                raise
    try:
        yield browser
    finally:
        browser.close()
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()
