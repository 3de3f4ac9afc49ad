"""The folder of the roots' encrypted keys, wherever its medium is mounted: `<folder>/root-<n>/`."""

from pathlib import Path

from certs.authority import Root
from certs.authority_files import load_certificates, to_pem
from landbridge.clock import Clock, system_clock
from landbridge.commands.passphrase import choose_passphrase, read_passphrase
from landbridge.errors import Reason, refuse


class RootVault:
    """Opens roots for as long as a command runs, so that nobody types a passphrase twice."""

    def __init__(
        self,
        folder: Path | None,
        federation: str,
        passphrase_file: Path | None,
        *,
        clock: Clock = system_clock,
    ) -> None:
        self._folder = folder
        self._federation = federation
        self._file = passphrase_file
        self._clock = clock
        self._opened: dict[str, Root] = {}

    def open(self, name: str) -> Root:
        """Open a root by its id.

        Raises:
            LandbridgeError: LB-1106 when its key is not at hand or nobody types the passphrase;
                LB-4011 when others may read the key; LB-1101 for a wrong passphrase.
        """
        if name not in self._opened:
            place = self._place(name)
            passphrase = read_passphrase(self._file, name)
            self._opened[name] = Root.load(place, self._federation, passphrase)
        return self._opened[name]

    def make(self, name: str, *, before: str = "") -> Root:
        """Make a root and write it encrypted; one that an earlier run wrote is opened again.

        The root `before` vouches for it; without one nobody does.

        Raises:
            LandbridgeError: as for `open`.
        """
        place = self._root_folder() / name
        if (place / "root.key").exists():
            return self.open(name)
        generation = int(name.rpartition("-")[2])
        if before:
            made = self.open(before).create_next(self._clock, generation=generation)
        else:
            made = Root.create(self._federation, self._clock, generation=generation)
        made.save(place, choose_passphrase(self._file, name))
        self._opened[name] = made
        return made

    def lone_certificate(self, name: str) -> bytes:
        """Return the PEM of a root for which no other vouches; empty for any other root.

        Raises:
            LandbridgeError: LB-1106 when the folder of the roots is not known; LB-1101 when the
                root's files are not right.
        """
        certificate, cross = load_certificates(self._place(name) / "root.pem")
        return b"" if cross else to_pem(certificate)

    def _place(self, name: str) -> Path:
        place = self._root_folder() / name
        if not (place / "root.key").exists():
            raise refuse(
                Reason.USAGE,
                f"the key of {name} is not at hand",
                where=str(place),
                next_step="mount the medium that holds it, and give its folder: --root DIR",
            )
        return place

    def _root_folder(self) -> Path:
        if self._folder is None:
            raise refuse(
                Reason.USAGE,
                "it is not said where the roots' keys lie",
                next_step="give the folder that holds root-1 and its successors: --root DIR",
            )
        return self._folder
