"""The heads that are on their way between the logs, and the cosignatures that were gathered."""

from dataclasses import dataclass, field

from landbridge.log.cosignature import attach
from landbridge.log.note import NoteSignature
from landbridge.log.signed_head import SignedHead


@dataclass(slots=True)
class Gathered:
    """A head, and who has cosigned it so far."""

    head: SignedHead
    lines: dict[str, NoteSignature] = field(default_factory=dict)
    told: int = 0
    """How many of the lines the log's owner has been told."""

    def note(self) -> bytes:
        """Write the head with all its cosignatures."""
        return attach(self.head.note, self.lines.values())


class WitnessedHeads:
    """The newest head of each log with its cosignatures, and what each witness has seen."""

    def __init__(self) -> None:
        self._gathered: dict[str, Gathered] = {}
        self._seen: dict[tuple[str, str], int] = {}

    def gather(self, head: SignedHead, witness: str, line: NoteSignature) -> None:
        """Add a cosignature that was verified; one on an older head comes too late."""
        known = self._gathered.get(head.origin)
        if known is None or known.head.size < head.size:
            known = self._gathered[head.origin] = Gathered(head)
        if known.head.note.text == head.note.text:
            known.lines[witness] = line

    def forget(self, origin: str) -> None:
        """Forget a log that begins anew."""
        self._gathered.pop(origin, None)
        self._seen = {key: size for key, size in self._seen.items() if key[1] != origin}

    def untold(self, origin: str) -> Gathered | None:
        """Return the cosignatures that a log's owner has not been told all of, if any."""
        known = self._gathered.get(origin)
        return known if known is not None and known.told < len(known.lines) else None

    def seen_by(self, witness: str, origin: str) -> int:
        """Return the size of a log that a witness is known to have seen; 0 where nothing is."""
        return self._seen.get((witness, origin), 0)

    def note_seen(self, witness: str, origin: str, size: int) -> None:
        """Note which size of a log a witness says that it has seen."""
        self._seen[witness, origin] = size
