"""When a log's entries say that they were written."""

from google.protobuf.message import DecodeError

from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.cosignature import MOST_AHEAD_S
from landbridge.log.reading import LogReader
from landbridge.v1 import log_pb2


def time_of(entry: bytes, index: int) -> int:
    """Return when an entry says that it was written, in Unix milliseconds.

    Raises:
        LandbridgeError: LB-4008 when it is no entry of a log of ours.
    """
    try:
        return log_pb2.LogEntry.FromString(entry).logged_at_unix_ms
    except DecodeError:
        raise refuse(Reason.BAD_LOG_EVIDENCE, f"entry {index} is not a log entry") from None


def time_of_head(reader: LogReader, now: int) -> int:
    """Return when the newest entry was written, or now where there is none to be read.

    Raises:
        LandbridgeError: LB-4008, LB-5001, LB-5002 when the newest entry cannot be read.
    """
    if not reader.has_entries or not reader.size:
        return now
    (newest,) = reader.entries(reader.size - 1)
    return time_of(newest, reader.size - 1)


def check_times(start: int, entries: list[bytes], now: int) -> None:
    """Check that no entry is of the future.

    Raises:
        LandbridgeError: LB-4008 for the first that is, or that is no log entry.
    """
    for index, entry in enumerate(entries, start):
        at = time_of(entry, index)
        if at > now + MOST_AHEAD_S * 1000:
            raise _of_the_future(index, at)


def _of_the_future(index: int, at: int) -> LandbridgeError:
    return refuse(
        Reason.BAD_LOG_EVIDENCE,
        f"entry {index} is of the future: {to_iso(at)}",
        next_step="compare the clock of this machine with that of the log's owner",
    )
