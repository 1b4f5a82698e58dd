"""One line that says what is being done, once it has taken over a second."""

from __future__ import annotations

import time
from typing import Any


class Progress:
    """The line, on a terminal only; calling it changes its text."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._start = time.monotonic()
        self._status: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __call__(self, text: str) -> None:
        if not self._console.is_terminal or time.monotonic() - self._start < 0.7:
            return
        if self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def stop(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None
