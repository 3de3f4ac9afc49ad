"""Reserved addresses: kept from everybody but from the server that they are for."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from landbridge.commands.reserved_addresses import ReservedAddresses
from landbridge.commands.sandbox import Sandbox
from landbridge.rpc.serving import server_options
from tests.market import write_market


def place_of(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def serve(address: str) -> grpc.Server:
    server = grpc.server(ThreadPoolExecutor(1), options=server_options())
    server.add_insecure_port(address)
    server.start()
    return server


def reach(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(10)


def test_a_server_listens_at_a_reserved_address_stops_and_listens_there_again() -> None:
    with ReservedAddresses() as reserved:
        address = reserved.take()
        for _ in range(3):
            server = serve(address)
            reach(address)
            server.stop(None).wait()


def test_a_second_server_at_the_same_address_still_fails() -> None:
    with ReservedAddresses() as reserved:
        address = reserved.take()
        server = serve(address)
        try:
            with pytest.raises(RuntimeError):
                serve(address)
        finally:
            server.stop(None).wait()


def test_nobody_listens_at_an_address_that_is_only_reserved() -> None:
    with (
        ReservedAddresses() as reserved,
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(place_of(reserved.take())),
    ):
        pass


@pytest.mark.parametrize("shares", [0, 1])
def test_who_would_take_any_port_never_gets_a_reserved_one(shares: int) -> None:
    with ReservedAddresses() as reserved, ExitStack() as stack:
        # So many of both that some would meet if they could.
        kept = {place_of(reserved.take()) for _ in range(300)}
        strangers = [stack.enter_context(socket.socket()) for _ in range(300)]
        for stranger in strangers:
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, shares)
            stranger.bind(("127.0.0.1", 0))
        assert len(kept) == 300
        assert not kept & {stranger.getsockname() for stranger in strangers}


def test_an_address_that_is_given_back_is_anybodys() -> None:
    with ReservedAddresses() as reserved:
        place = place_of(reserved.take())
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(place)
    with socket.socket() as stranger:
        stranger.bind(place)


def test_a_server_that_listens_goes_on_when_its_address_is_given_back() -> None:
    reserved = ReservedAddresses()
    address = reserved.take()
    server = serve(address)
    reserved.close()
    reach(address)
    server.stop(None).wait()


def test_a_sandbox_keeps_its_addresses_until_it_is_closed(tmp_path: Path) -> None:
    sandbox = Sandbox(write_market(tmp_path), tmp_path / "home")
    sandbox.prepare()
    places = [place_of(address) for address in (*sandbox._addresses.values(), sandbox.enrolment)]
    for place in places:
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(place)
    sandbox.close()
    for place in places:
        with socket.socket() as stranger:
            stranger.bind(place)
