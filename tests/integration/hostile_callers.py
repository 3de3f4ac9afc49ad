"""Callers with certificates of every wrong form, by where they are refused."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from landbridge.agency import Identity, Role
from landbridge.rpc.credentials import TlsFiles
from tests.hostile import SERVER_AUTH, Recipe
from tests.integration.tls_server import NODE, raw_tls
from tests.pki import FEDERATION, GATEWAY, shared_federation

CALLER = Identity(GATEWAY, FEDERATION, Role.GATEWAY, "main")
HOST = f"{GATEWAY}.{FEDERATION}"


def hostile(folder: Path, **changes: object) -> TlsFiles:
    recipe = Recipe.true_to(CALLER, **changes)
    return raw_tls(recipe.write(folder / "tls", shared_federation().issuing))


# TLS itself lets all of these in.
PASSING_TLS: dict[str, Callable[[Path], TlsFiles]] = {
    "NUL in the URI": lambda f: hostile(f, uris=(f"{CALLER.uri}\x00/evil",)),
    "two URIs": lambda f: hostile(f, uris=(CALLER.uri, NODE.uri)),
    "percent-encoding": lambda f: hostile(f, uris=(f"spiffe://{HOST}/g%61teway/main",)),
    "no DNS name": lambda f: hostile(f, hosts=()),
    "another's DNS name": lambda f: hostile(f, hosts=(NODE.dns_name,)),
    "an authority's certificate": lambda f: hostile(f, ca=True),
    "RSA key": lambda f: hostile(f, key=rsa.generate_private_key(65537, 2048)),
    "no extended use": lambda f: hostile(f, extended=()),
    "ten years": lambda f: hostile(f, life=timedelta(days=3650)),
}


REFUSED_BY_TLS: dict[str, Callable[[Path], TlsFiles]] = {
    "expired": lambda f: hostile(f, made_ago=timedelta(hours=25)),
    "not yet valid": lambda f: hostile(f, made_ago=timedelta(hours=-1)),
    "server use only": lambda f: hostile(f, extended=(SERVER_AUTH,)),
}
