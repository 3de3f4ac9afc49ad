"""Two administrators of a federation whose authority runs in this process."""

from collections.abc import Mapping

from certs.authority import Root
from certs.authority_files import to_pem
from certs.csr import read_signing_request
from certs.registrar.server import Authority
from landbridge.clock import system_clock
from landbridge.keys import SigningKey
from landbridge.trust.approval import Act, Statement, digest_of
from landbridge.v1 import authority_service_pb2
from landbridge.v1.authority_service_pb2 import SubmitResponse


class Administrators:
    """What they do together; `roots` are the roots whose keys they have at hand."""

    def __init__(self, authority: Authority, keys: Mapping[str, SigningKey], root: Root) -> None:
        self.authority = authority
        self.keys = keys
        self.roots = {root.id: root}

    async def act(
        self,
        act: Act,
        subject: str,
        *,
        attachment: bytes = b"",
        override: bool = False,
    ) -> SubmitResponse:
        """Have as many administrators sign an act as it needs; return the last answer."""
        federation = self.authority.registrar.journal.bundle.federation
        detail = digest_of(attachment) if attachment else ""
        statement = Statement(federation, act, subject, 0, detail, override)
        for key in self.keys.values():
            response = await self.authority.desk.run(
                self.authority.registrar.submit,
                authority_service_pb2.SubmitRequest(
                    statement=statement.to_bytes(),
                    key_id=key.key_id,
                    signature=statement.sign(key),
                    attachment=attachment,
                ),
            )
            if response.done or not response.signatures_missing:
                break
        return response

    async def do(
        self, act: Act, subject: str, *, attachment: bytes = b"", override: bool = False
    ) -> None:
        """Have an act done."""
        response = await self.act(act, subject, attachment=attachment, override=override)
        assert response.done, response

    async def publish_issuing(self, name: str, root: str = "root-1") -> None:
        """Have an issuing authority made and published; a root whose key is here certifies it."""
        asked = await self.act(Act.AUTHORITY_PREPARE, name)
        made = self.roots[root].sign_issuing(
            read_signing_request(asked.result),
            system_clock,
            generation=int(name.rpartition("-")[2]),
        )
        await self.do(Act.AUTHORITY_PREPARE, name, attachment=to_pem(made))
        await self.do(Act.AUTHORITY_PUBLISH, name)

    async def publish_root(self, name: str, before: str = "root-1") -> None:
        """Make a root, cross-certified by the one before, and publish it."""
        made = self.roots[name] = self.roots[before].create_next(system_clock)
        await self.do(Act.AUTHORITY_PREPARE, name, attachment=to_pem(made.certificate, made.cross))
        await self.do(Act.AUTHORITY_PUBLISH, name)

    async def standing(self, uri: str) -> authority_service_pb2.PartyStanding:
        """Return what the authority knows of a party."""
        found = await self.authority.desk.run(self.authority.registrar.standing)
        return next(each for each in found.parties if each.identity == uri)
