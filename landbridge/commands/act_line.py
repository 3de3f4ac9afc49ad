"""Administrators and the ways on which their acts reach the authority: what they have in common.

What counts is the administrator's signature under each act, whichever way it takes.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from landbridge.home import Home
from landbridge.keys import KeyUse, SigningKey
from landbridge.trust.approval import Act, Statement, digest_of
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import authority_service_pb2


@dataclass(frozen=True, slots=True)
class Administrator:
    """The person who acts, with the key that signs and the folder that holds it."""

    name: str
    key: SigningKey
    folder: Path

    @classmethod
    def of(cls, home: Home, name: str | None) -> "Administrator":
        """Find an administrator of this machine.

        Raises:
            LandbridgeError: LB-1106 when it is not said who; LB-4011 for an exposed key; LB-1101
                when the key cannot be read.
        """
        chosen, folder = home.admin(name)
        return cls(chosen, SigningKey.load(folder / "keys" / f"{KeyUse.ADMIN}.key"), folder)


class ActLine(ABC):
    """A way on which an administrator's acts reach the authority."""

    def __init__(self, admin: Administrator) -> None:
        self.admin = admin

    @property
    @abstractmethod
    def bundle(self) -> TrustBundle:
        """The newest trust bundle that is known here."""

    @abstractmethod
    async def standing(self) -> authority_service_pb2.GetStandingResponse:
        """Fetch what every party holds, trusts and has acknowledged.

        Raises:
            LandbridgeError: as for `submit`.
        """

    @abstractmethod
    async def submit(
        self, statement: Statement, attachment: bytes = b"", *, dry_run: bool = False
    ) -> authority_service_pb2.SubmitResponse:
        """Sign an act and hand it in; with `dry_run` only its effect is told.

        Raises:
            LandbridgeError: the authority's refusal; LB-2001 and LB-2002 when it is not reached.
        """

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Keep the administrator's own certificate meanwhile, where that is needed."""
        yield

    def request(
        self, statement: Statement, attachment: bytes, *, dry_run: bool
    ) -> authority_service_pb2.SubmitRequest:
        """Sign an act, a dry run apart: whoever passes that on could have it carried out."""
        request = authority_service_pb2.SubmitRequest(
            statement=statement.to_bytes(), attachment=attachment, dry_run=dry_run
        )
        if not dry_run:
            request.key_id = self.admin.key.key_id
            request.signature = statement.sign(self.admin.key)
        return request

    def statement(
        self,
        act: Act,
        subject: str,
        *,
        revision: int = 0,
        attachment: bytes = b"",
        override: bool = False,
    ) -> Statement:
        """Write an act of this federation; an attachment stands in it with its digest."""
        detail = digest_of(attachment) if attachment else ""
        return Statement(self.bundle.federation, act, subject, revision, detail, override)
