"""A party in a process of its own that asks a server for its health, as our own code calls.

`python -m tests.judges.caller FOLDER ADDRESS DNS_NAME`
"""

import asyncio
import sys
from pathlib import Path

from landbridge.alarm import Alarms
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty
from tests.judges.judged_server import CHECK


async def main(folder: str, address: str, dns_name: str) -> None:
    live = LiveParty(PartyFolder.open(Path(folder)), alarms=Alarms(lambda *_: None))
    line = live.channel(address, dns_name)
    await line.channel.unary_unary(CHECK)(b"", timeout=10)
    await line.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
