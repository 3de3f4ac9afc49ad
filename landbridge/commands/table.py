"""Tables and headings as every command prints them: no frame, and no text read as markup."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from landbridge.commands.output import visible


def open_table(*columns: str) -> Table:
    """Open a table without a frame."""
    opened = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        opened.add_column(column, overflow="fold")
    return opened


def plain(words: str, style: str = "") -> Text:
    """Write words as they are: an agency's data may hold brackets and control characters."""
    return Text(visible(words), style=style)


def heading(title: str, console: Console) -> None:
    """Print a title after an empty line."""
    console.print()
    console.print(plain(title, "bold"))
