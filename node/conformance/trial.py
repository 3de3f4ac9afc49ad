"""One node on trial: built from the agency's own files, running on this machine, and asked."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import grpc

from landbridge.envelope import QUERY_TYPE, digest
from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.keys import write_whole
from landbridge.library.kinds import SUFFIX, Kind
from landbridge.memorandum.document import Memorandum
from landbridge.party import PartyFolder
from landbridge.query import Wanted
from landbridge.rpc.credentials import Credential, open_channel
from landbridge.rpc.status import from_rpc_error
from landbridge.subject import SubjectId
from landbridge.v1 import (
    answer_pb2,
    catalogue_pb2,
    envelope_pb2,
    node_service_pb2,
    node_service_pb2_grpc,
    query_pb2,
)
from node.config import NodeConfig
from node.conformance.parties import Parties
from node.conformance.told import Told, question
from node.conformance.verdict import demand
from node.node_file import DatasetTable
from node.server import Node, build_node

_TIMEOUT_S: Final = 20.0
_FOLLOWED_S: Final = 20.0
_POLL_S: Final = 0.1
_LOCAL: Final = "127.0.0.1:0"


class Trial:
    """Starts, asks and stops the node. Used on one event loop."""

    def __init__(  # noqa: PLR0913 - made once
        self,
        config: NodeConfig,
        federation: Federation,
        federation_path: Path,
        folder: Path,
        *,
        subjects: dict[str, list[SubjectId]],
        given: Collection[SubjectId] = (),
    ) -> None:
        self.config = config
        self.federation = federation
        self.agency = config.node.agency
        self.purpose, *self.other_purposes = federation.purposes
        self.parties = Parties(folder / "parties", federation, self.agency)
        self.subjects = subjects
        self.given = given  # by somebody; all others were read from the tables
        self.laid: set[tuple[Kind, str]] = set()
        """The documents in the node's folder, each with what it is about."""
        self.told: list[Told] = []
        """All that was answered, in order."""
        self.node: Node
        self._federation_path = federation_path
        self._channel: grpc.aio.Channel | None = None
        """Open while the node runs."""
        self._everything: dict[str, list[Told]] = {}

    @property
    def datasets(self) -> Sequence[DatasetTable]:
        """The datasets of which subjects are known; at least one."""
        return [each for each in self.config.datasets if self.subjects[each.name]]

    async def start(self) -> None:
        """Build the node and let it answer.

        Raises:
            LandbridgeError: as when a node is served.
        """
        self.node = build_node(
            self.config.path, self._federation_path, state=self.parties.node, listen=_LOCAL
        )
        await self.node.start()
        self._channel = self.channel(self.parties.gateway_folder)

    async def stop(self) -> None:
        """Close the channel and stop the node, if it runs."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
            await self.node.stop()

    async def choose(self) -> None:
        """Keep subjects whose records fit into an answer, those with records first."""
        for dataset in self.datasets:
            try:
                whole = await self.everything(dataset.name)
            except LandbridgeError:
                return  # what is wrong there, the checks tell
            kept = [told for told in whole if told.outcome is not Reason.TOO_MANY_RECORDS]
            # What is tried on one subject is tried on the first.
            kept.sort(key=lambda told: told.outcome is not Reason.ANSWERED)
            if kept:
                self._everything[dataset.name] = kept
                self.subjects[dataset.name] = [told.about for told in kept]

    async def restart(self) -> None:
        """Stop the node and build it anew from what it left on disk."""
        await self.stop()
        await self.start()

    async def reconnect(self) -> None:
        """Close the channel and connect anew."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = self.channel(self.parties.gateway_folder)

    def channel(self, folder: Path, address: str = "") -> grpc.aio.Channel:
        """Open a channel to the node as the party whose folder this is, or to what stands there."""
        trust = PartyFolder.open(folder).trust.current
        credential = Credential.read(folder / "credential.pem", trust)
        to = address or self.address
        return open_channel(to, self.dns_name, credential, trust.bundle.roots_pem)

    @property
    def address(self) -> str:
        """Where the node listens."""
        return f"127.0.0.1:{self.node.port}"

    @property
    def dns_name(self) -> str:
        """What the node's certificate names."""
        identities = self.parties.pki.parties
        return next(each.dns_name for each in identities if each.agency == self.agency)

    @property
    def stub(self) -> "node_service_pb2_grpc.NodeServiceAsyncStub":
        """The node's service, called as the gateway."""
        stub: node_service_pb2_grpc.NodeServiceAsyncStub = node_service_pb2_grpc.NodeServiceStub(
            self._channel  # type: ignore[arg-type]
        )
        return stub

    async def catalogue(self) -> catalogue_pb2.Catalogue:
        """Ask what the node publishes."""
        request = node_service_pb2.GetCatalogueRequest()
        return (await self.stub.GetCatalogue(request, timeout=_TIMEOUT_S)).catalogue

    async def ask(self, question: query_pb2.Question) -> envelope_pb2.Envelope:
        """Ask as the gateway.

        Raises:
            LandbridgeError: what the node refused it for.
        """
        try:
            request = node_service_pb2.GetAnswerRequest(question=question)
            return (await self.stub.GetAnswer(request, timeout=_TIMEOUT_S)).answer
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    async def refusal(self, question: query_pb2.Question) -> Reason:
        """Ask, and return why the question was refused; ANSWERED where it was answered."""
        try:
            await self.ask(question)
        except LandbridgeError as error:
            return error.reason
        return Reason.ANSWERED

    async def tell(
        self,
        query: envelope_pb2.Envelope,
        dataset: str,
        *,
        about: SubjectId,
        step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
    ) -> Told:
        """Ask for one dataset.

        Raises:
            LandbridgeError: what the node refused it for.
        """
        envelope = await self.ask(question(query, dataset, step=step))
        told = Told(query, envelope, answer_pb2.Answer.FromString(envelope.payload), about)
        demand(
            [each.dataset for each in told.answer.datasets] == [dataset],
            f"asked for the dataset {dataset} alone, it answered for "
            f"{len(told.answer.datasets)} datasets",
        )
        demand(
            (told.answer.query_digest, told.answer.step, told.answer.round)
            == (digest(QUERY_TYPE, query.payload), step, 1),
            "it answers another question than it was asked",
        )
        self.told.append(told)
        return told

    async def collect(  # noqa: PLR0913 - the parts of a query, by name
        self,
        topic: str,
        dataset: str,
        subject: SubjectId,
        *,
        purpose: str = "",
        fields: tuple[str, ...] = (),
        arguments: tuple[tuple[str, str | int], ...] = (),
        seal_to: bytes = b"",
        consents: Sequence[bytes] = (),
    ) -> Told:
        """Ask for a dataset as the requester who tries a topic.

        Raises:
            LandbridgeError: what the node refused it for.
        """
        wanted = (Wanted(self.agency, dataset, fields, arguments),)
        query = self.parties.query(
            topic, subject, purpose=purpose, wanted=wanted, seal_to=seal_to, consents=consents
        )
        return await self.tell(query, dataset, about=subject)

    async def everything(self, dataset: str) -> list[Told]:
        """Return all that the node holds on the sampled subjects of a dataset, asked for once."""
        if dataset not in self._everything:
            self._everything[dataset] = [
                await self.collect("all", dataset, subject) for subject in self.subjects[dataset]
            ]
        return self._everything[dataset]

    def put(self, document: bytes, kind: Kind, subject: str) -> None:
        """Lay a signed document into the node's folder."""
        path = self.parties.node / kind.folder / f"{subject}{SUFFIX}"
        write_whole(path, document, mode=0o644)
        self.laid.add((kind, subject))

    async def put_memorandum(self, memorandum: Memorandum) -> None:
        """Lay a memorandum into the node's folder and wait until it counts.

        Raises:
            NonconformityError: when the node does not follow its folder.
        """
        self.put(self.parties.sign(memorandum), Kind.MEMORANDUM, memorandum.id)
        deadline = asyncio.get_running_loop().time() + _FOLLOWED_S
        shelf = self.node.documents.library
        while memorandum not in shelf.shelf.memoranda:
            demand(
                asyncio.get_running_loop().time() < deadline,
                f"a memorandum laid into its folder does not count after {_FOLLOWED_S:g} s",
            )
            await asyncio.sleep(_POLL_S)
