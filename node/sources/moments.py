"""Days and points in time as registers write them."""

from collections.abc import Callable
from datetime import UTC, date, datetime


def compile_day(forms: tuple[str, ...]) -> Callable[[object], str | None]:
    """Make the reader of days: what a database gives, or a text in one of the strptime forms.

    Without forms a text is read as ISO 8601. A time of day is left out.
    """
    read = _compile_text(forms)

    def read_day(native: object) -> str | None:
        if isinstance(native, datetime):
            return native.date().isoformat()
        if isinstance(native, date):
            return native.isoformat()
        moment = read(str(native))
        return None if moment is None else moment.date().isoformat()

    return read_day


def compile_timestamp(forms: tuple[str, ...]) -> Callable[[object], str | None]:
    """Make the reader of points in time, which takes the same as the reader of days."""
    read = _compile_text(forms)

    def read_timestamp(native: object) -> str | None:
        if isinstance(native, datetime):
            return write_timestamp(native)
        if isinstance(native, date):
            return datetime(native.year, native.month, native.day).isoformat()  # noqa: DTZ001
        moment = read(str(native))
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
        return lambda text: read_iso(text.strip())

    def read(text: str) -> datetime | None:
        text = text.strip()
        for form in forms:
            try:
                return datetime.strptime(text, form)  # noqa: DTZ007 - most registers name no zone
            except ValueError:
                continue
        return None

    return read
