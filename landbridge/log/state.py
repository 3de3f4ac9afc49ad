"""What a log's file says at one moment, read from it and held against what was signed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.connection import Connection
from landbridge.log.merkle import leaf_hash, tree_root, verify_consistency
from landbridge.log.note import NoteVerifier, find_signers, parse_note
from landbridge.log.tables import (
    damaged,
    has_entries_from,
    read_entries,
    read_handovers,
    read_head,
    read_tile,
)
from landbridge.log.tiles import TILE_HEIGHT, TILE_WIDTH, TiledTree, split_hashes

_FOLLOWED = 4096
"""Entries of other writers that are taken up one by one."""


@dataclass(frozen=True, slots=True)
class LogState:
    """The signed head, the root in it, and the tree that it stands on."""

    checkpoint: bytes
    root: bytes
    tree: TiledTree

    @property
    def size(self) -> int:
        """How many entries the log holds."""
        return self.tree.frontier.size

    def full_tiles(self, since: int) -> Iterator[tuple[int, int]]:
        """Give level and index of the full tiles that hold anything of an entry on or after one."""
        for level in range(len(self.tree.edges)):
            height = TILE_HEIGHT * (level + 1)
            for index in range(max(0, since) >> height, self.size >> height):
                yield level, index


def load_state(
    connection: Connection,
    verifiers: Sequence[NoteVerifier],
    *,
    known: LogState | None = None,
) -> LogState:
    """Read the state: signed by a key of the log, true of the entries, continuing what is known.

    1. The head is a checkpoint of this origin, signed by one of its keys, all of one name.
    2. Tiles and last entries lead to its root, and nothing stands behind them.
    3. It continues the state that was known before, where there is one.

    Full tiles that are covered by another full tile are left to `check_tile`.

    Raises:
        LandbridgeError: LB-5002 when any of this does not hold.
    """
    try:
        checkpoint = read_head(connection)
        head = _read_signed(checkpoint, verifiers)
        tree = _load_tree(connection, head.size)
        if tree.frontier.root() != head.root or has_entries_from(connection, head.size):
            raise damaged("the entries are not those under the signed head")
        if known is not None:
            check_continues(connection, tree, head, known)
    except LandbridgeError as error:
        raise refuse(Reason.LOG_DAMAGED, error.message) from error
    return LogState(checkpoint, head.root, tree)


def follow_state(
    connection: Connection, verifiers: Sequence[NoteVerifier], known: LogState
) -> LogState | None:
    """Read what others have added to a state that is known on this connection.

    It is grown from the entries themselves, without a look at what stands before them; None where
    they are too many for that.

    Raises:
        LandbridgeError: LB-5002 as for `load_state`.
    """
    try:
        checkpoint = read_head(connection)
        head = _read_signed(checkpoint, verifiers)
        if not known.size <= head.size <= known.size + _FOLLOWED:
            return None
        tree = known.tree
        if head.size > known.size:
            added = read_entries(connection, known.size, head.size)
            tree, _, _ = tree.grow([leaf_hash(entry) for entry in added])
        if tree.frontier.root() != head.root or has_entries_from(connection, head.size):
            raise damaged("the entries are not those under the signed head")
    except LandbridgeError as error:
        raise refuse(Reason.LOG_DAMAGED, error.message) from error
    return LogState(checkpoint, head.root, tree)


def check_continues(
    connection: Connection, tree: TiledTree, head: Checkpoint, known: Checkpoint | LogState
) -> None:
    """Check that a tree continues what was signed before.

    Raises:
        LandbridgeError: LB-5002 when it is smaller; LB-4008 when it does not contain it.
    """
    if head.size < known.size:
        raise damaged(f"it ends at {head.size}, and {known.size} entries were signed")
    if known.size:
        path = tree.consistency_path(known.size, head.size, partial(read_tile, connection))
        verify_consistency(known.size, head.size, known.root, head.root, path)


def check_handovers(
    connection: Connection, verifiers: Sequence[NoteVerifier], state: LogState
) -> None:
    """Hold the heads at which the log's key changed against what the log says now.

    Raises:
        LandbridgeError: LB-5002 when the log does not continue one of them, or a key that is known
            has not signed what bears its name.
    """
    for data in read_handovers(connection):
        try:
            note = parse_note(data)
            head = read_checkpoint(note)
            for line in note.signatures:
                for verifier in verifiers:
                    verifier.verifies(note, line)
            if head.size > state.size:
                raise damaged(f"its key changed at {head.size}, and it ends at {state.size}")
            if head.size:
                read = partial(read_tile, connection)
                path = state.tree.consistency_path(head.size, state.size, read)
                verify_consistency(head.size, state.size, head.root, state.root, path)
        except LandbridgeError as error:
            raise refuse(Reason.LOG_DAMAGED, f"a change of key: {error.message}") from error


def check_tile(connection: Connection, level: int, index: int) -> None:
    """Hash what stands under a full tile anew and hold it against the tile.

    Raises:
        LandbridgeError: LB-5002 when it does not fit.
    """
    hashes = split_hashes(read_tile(connection, level, index))
    start, end = index * TILE_WIDTH, (index + 1) * TILE_WIDTH
    if level == 0:
        found = [leaf_hash(entry) for entry in read_entries(connection, start, end)]
    else:
        found = [
            tree_root(split_hashes(read_tile(connection, level - 1, below)))
            for below in range(start, end)
        ]
    if found != hashes:
        raise damaged(f"what stands under tile {level}/{index} is not what was hashed")


def _read_signed(checkpoint: bytes, verifiers: Sequence[NoteVerifier]) -> Checkpoint:
    note = parse_note(checkpoint)
    head = read_checkpoint(note)
    if head.origin != verifiers[0].name:
        raise damaged(f"this is the log of {head.origin}")
    find_signers(note, verifiers)
    return head


def _load_tree(connection: Connection, size: int) -> TiledTree:
    filled = size - size % TILE_WIDTH
    tail = [leaf_hash(entry) for entry in read_entries(connection, filled, size)]
    return TiledTree.load(size, partial(read_tile, connection), tail)
