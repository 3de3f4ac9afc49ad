"""A federation's card: what somebody needs to know to hand in an application. Nothing is secret."""

from typing import Final, Self

import rfc8785
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from landbridge.agency import check_agency
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import read_public
from landbridge.trust.bundle import TrustBundle

_LARGEST: Final = 64 * 1024


class Card(BaseModel):
    """The federation, where it takes applications, and by what to know it."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    federation: str
    address: str = Field(pattern=r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")
    dns_name: str = Field(min_length=1, max_length=253)
    anchor: str
    roots: str

    @classmethod
    def of(cls, bundle: TrustBundle, anchor: str, address: str, dns_name: str) -> Self:
        """Write the card of a federation, with the roots of its trust bundle."""
        return cls(
            federation=bundle.federation,
            address=address,
            dns_name=dns_name,
            anchor=anchor,
            roots=bundle.roots_pem.decode(),
        )

    @classmethod
    def read(cls, document: bytes, *, where: str) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            LandbridgeError: LB-1101 when it is no card.
        """
        try:
            if len(document) > _LARGEST:
                raise ValueError  # noqa: TRY301  one error for all of them
            card = cls.model_validate_json(document)
            check_agency(card.federation)
            read_public(card.anchor)
            if not x509.load_pem_x509_certificates(card.roots.encode()):
                raise ValueError  # noqa: TRY301  one error for all of them
        except (ValidationError, ValueError, UnsupportedAlgorithm, RecursionError) as error:
            raise _no_card(where) from error
        except LandbridgeError as error:
            raise _no_card(where) from error
        return card

    def to_bytes(self) -> bytes:
        """Write it as JSON (RFC 8785) with a last line end."""
        return rfc8785.dumps(self.model_dump(mode="json")) + b"\n"


def _no_card(where: str) -> LandbridgeError:
    return refuse(
        Reason.INVALID_CONFIGURATION,
        "it is not the card of a federation",
        where=where,
        next_step="ask the federation's operator for its card.json",
    )
