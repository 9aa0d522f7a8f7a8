"""Control headless Chromium over its debugging pipe: key presses, window size, console messages."""

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

#: Timeout of each request, in seconds.
PATIENCE = 30
#: Windows virtual key codes by KeyboardEvent key name.
KEYS = {
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, " ": 32, "b": 66, "Tab": 9,
}  # fmt: skip


class GoneError(Exception):
    """Raised when the browser process has ended."""


class Browser:
    """One browser tab. The methods of `call` are documented at https://chromedevtools.github.io/devtools-protocol.

    Attributes:
        complaints: errors and warnings of the console and exceptions so far.
    """

    def __init__(self, to_browser: int, from_browser: int):
        self._to, self._from, self._buffer = to_browser, from_browser, b""
        self._session, self._calls, self.complaints = {}, 0, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters) -> dict:
        """Send a message of the protocol and return its result."""
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
        """Set the window size in pixels, the colour scheme and whether scripts run; call it before `open`."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        phone = width < 600
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait_for(f"document.readyState === 'complete' && location.href.startsWith({json.dumps(url)})")

    def evaluate(self, expression: str):
        """Return the value of a JavaScript expression, evaluated with user activation (e.g. to play audio)."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"still not true: {expression}"
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """Press and release a key."""
        about = {"key": key, "code": {" ": "Space", "b": "KeyB"}.get(key, key), "windowsVirtualKeyCode": KEYS[key]}
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **about)

    def click(self, selector: str, across: float = 0.5) -> None:
        """Click on a visible element, at a fraction of its width."""
        box = self.evaluate(
            f"(({{left, top, width, height}}) => [left, top, width, height])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        place = {"x": box[0] + across * box[2], "y": box[1] + box[3] / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **place)

    def screenshot(self, path: Path) -> None:
        """Return a PNG of the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """Close the pipe, which ends the browser."""
        os.close(self._to)
        os.close(self._from)


def start(profile: Path) -> tuple[subprocess.Popen, Browser]:
    """Start a browser with its profile in a folder."""
    there, from_here = os.pipe()
    from_there, back = os.pipe()
    command = [*CHROMIUM, "--remote-debugging-pipe", f"--user-data-dir={profile}", "--mute-audio"]
    # the browser reads file descriptor 3 and writes 4; POSIX shells support single-digit descriptors only
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
    """Provide a browser and stop it at the end; see `require_chromium`."""
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
