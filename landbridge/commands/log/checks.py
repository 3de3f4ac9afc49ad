"""What a log command found, check by check: told as it goes, or as one document in the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from landbridge.commands.output import Output, data_console, print_json, visible
from landbridge.errors import LandbridgeError

_NAME_WIDTH = 10


class Checks:
    """The checks of one command."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._made: list[dict[str, Any]] = []
        self._console = data_console()

    def passed(self, name: str, result: str, *, made: bool = True) -> None:
        """Note a check that was passed, or that could not be made."""
        self._made.append({"check": name, "made": made, "result": result})
        if self._output is Output.TABLE:
            line = f"[{'ok' if made else '--'}] {name:<{_NAME_WIDTH}} {visible(result)}"
            self._console.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def told(self, **found: object) -> Iterator[dict[str, Any]]:
        """Print the document when the block has ended, with what it adds, or the error as well."""
        try:
            yield found
        except LandbridgeError as error:
            if self._output is not Output.TABLE:
                why = {"code": error.code, "message": error.message, "where": error.where}
                self._print(found, verified=False, **why)
            raise
        if self._output is not Output.TABLE:
            self._print(found, verified=True)

    def _print(self, found: dict[str, Any], **result: object) -> None:
        print_json({**result, **found, "checks": self._made}, self._output)
