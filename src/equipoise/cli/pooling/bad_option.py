"""What is wrong with the command's options, told apart from what is wrong with the data."""

from __future__ import annotations

from equipoise.errors import DataError


class BadOption(DataError):
    """An option names something that isn't there, or one is missing; its text names the option and the mend."""
