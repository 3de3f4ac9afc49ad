"""Opens documents again and again: texts are read once, signatures are verified by each trust."""

from collections.abc import Mapping
from pathlib import Path

from landbridge.errors import LandbridgeError
from landbridge.library.kinds import digest_of
from landbridge.library.opened import Opened, open_document
from landbridge.library.shelf import Found, Refused
from landbridge.memorandum.document import Memorandum
from landbridge.trust.bundle import TrustBundle


class Opening:
    """What was opened before; it forgets what is no longer there."""

    def __init__(self) -> None:
        self._opened: dict[str, Opened | LandbridgeError] = {}
        self._texts: dict[str, Memorandum] = {}

    def open(self, document: bytes, bundle: TrustBundle, at: int) -> Opened:
        """Open one document, by this trust.

        Raises:
            LandbridgeError: as for `open_document`.
        """
        return open_document(document, bundle, at, read=self._read)

    def open_all(
        self,
        contents: Mapping[Path, bytes | LandbridgeError],
        bundle: TrustBundle,
        at: int,
        *,
        same_trust: bool,
    ) -> tuple[list[Found], list[Refused]]:
        """Open all documents of a folder; with the same trust as before, only what is new."""
        found: list[Found] = []
        refused: list[Refused] = []
        before = self._opened if same_trust else {}
        now: dict[str, Opened | LandbridgeError] = {}
        for path, content in contents.items():
            if isinstance(content, LandbridgeError):
                refused.append(Refused(path, content))
                continue
            digest = digest_of(content)
            opened = now.get(digest) or before.get(digest) or self._try(content, bundle, at)
            now[digest] = opened
            if isinstance(opened, LandbridgeError):
                refused.append(Refused(path, opened))
            else:
                found.append(Found(path, opened))
        self._opened = now
        held = {one.signed for one in now.values() if isinstance(one, Opened)}
        self._texts = {signed: text for signed, text in self._texts.items() if signed in held}
        return found, refused

    def _try(self, document: bytes, bundle: TrustBundle, at: int) -> Opened | LandbridgeError:
        try:
            return self.open(document, bundle, at)
        except LandbridgeError as error:
            return error

    def _read(self, payload: bytes) -> Memorandum:
        digest = digest_of(payload)
        text = self._texts.get(digest)
        if text is None:
            text = self._texts[digest] = Memorandum.from_json(payload)
        return text
