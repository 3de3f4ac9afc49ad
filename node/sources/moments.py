"""Days and points in time as registers write them."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from node.sources.fixed_forms import compile_day_form, compile_form


def compile_day(forms: tuple[str, ...]) -> Callable[[object], str | None]:
    """Make the reader of days: what a database gives, or a text in one of the strptime forms.

    Without forms a text is read as ISO 8601. A time of day is left out.
    """
    read_text = compile_day_text(forms)

    def read_day(native: object) -> str | None:
        if isinstance(native, datetime):
            return native.date().isoformat()
        if isinstance(native, date):
            return native.isoformat()
        return read_text(str(native).strip())

    return read_day


def compile_day_text(forms: tuple[str, ...]) -> Callable[[str], str | None]:
    """Make the reader of days in texts without blanks around them."""
    if len(forms) == 1:
        return compile_day_form(forms[0])
    read = _compile_text(forms)

    def read_day(text: str) -> str | None:
        moment = read(text)
        return None if moment is None else moment.date().isoformat()

    return read_day


def compile_timestamp(forms: tuple[str, ...]) -> Callable[[object], str | None]:
    """Make the reader of points in time, which takes the same as the reader of days."""
    read_text = compile_timestamp_text(forms)

    def read_timestamp(native: object) -> str | None:
        if isinstance(native, datetime):
            return write_timestamp(native)
        if isinstance(native, date):
            return datetime(native.year, native.month, native.day).isoformat()  # noqa: DTZ001
        return read_text(str(native).strip())

    return read_timestamp


def compile_timestamp_text(forms: tuple[str, ...]) -> Callable[[str], str | None]:
    """Make the reader of points in time in texts without blanks around them."""
    read = _compile_text(forms)

    def read_timestamp(text: str) -> str | None:
        moment = read(text)
        return None if moment is None else write_timestamp(moment)

    return read_timestamp


def write_timestamp(moment: datetime) -> str | None:
    """Write ISO 8601 to the second or finer, in UTC where the zone is known; None beyond year 1."""
    if moment.tzinfo is None:
        return moment.isoformat()
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None


def read_iso(text: str) -> datetime | None:
    """Read ISO 8601 with hyphens; None where the text is not."""
    # The standard library also takes week dates and days without hyphens.
    if text[4:5] != "-" or text[7:8] != "-":
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _compile_text(forms: tuple[str, ...]) -> Callable[[str], datetime | None]:
    if not forms:
        return read_iso
    readers = tuple(map(compile_form, forms))
    if len(readers) == 1:
        return readers[0]

    def read(text: str) -> datetime | None:
        for read_form in readers:
            moment = read_form(text)
            if moment is not None:
                return moment
        return None

    return read
