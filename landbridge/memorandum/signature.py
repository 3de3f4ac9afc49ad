"""Signatures of memoranda: one of each party, over the RFC 8785 writing of the text.

A memorandum counts once each of its parties, and nobody else, has signed once. Until then it is an
offer of those who have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signed_form import (
    ALGORITHM,
    FindKey,
    Signature,
    SignedDocument,
    protected_header,
    sign,
    signing_input,
)

__all__ = ["ALGORITHM", "FindKey", "Signature", "SignedForm", "sign", "verify_memorandum"]


@dataclass(frozen=True, slots=True)
class SignedForm(SignedDocument):
    """A memorandum with the signatures that it has so far."""

    reason: ClassVar[Reason] = Reason.MALFORMED_MEMORANDUM
    name: ClassVar[str] = "a memorandum"

    def add(self, key: SigningKey, agency: str) -> "SignedForm":
        """Add one party's signature.

        Raises:
            LandbridgeError: LB-4102 when the agency is no party or has signed already; LB-4002 when
                the key is another agency's or not for memoranda; LB-4101 for a payload that is not
                a memorandum.
        """
        self._check_signer(agency)
        if key.agency != agency or key.use is not KeyUse.MEMORANDUM:
            raise refuse(
                Reason.UNTRUSTED_KEY,
                f"the key {key.key_id} is not a key of {agency} for memoranda",
                next_step=f"sign with the key {agency}/{KeyUse.MEMORANDUM}/...",
            )
        self._check_unsigned(agency)
        return self.with_signature(sign(self.payload, key))

    def to_sign(self, agency: str, key_id: str) -> bytes:
        """Return the bytes that one party signs with a key elsewhere.

        Raises:
            LandbridgeError: LB-4102 when the agency is no party or has signed already; LB-4101 for
                a payload that is not a memorandum.
        """
        self._check_signer(agency)
        self._check_unsigned(agency)
        return signing_input(self.payload, key_id)

    def attach(self, key_id: str, signature: str, keys: FindKey) -> "SignedForm":
        """Add a signature that was made elsewhere (base64url), once it verifies.

        Raises:
            LandbridgeError: LB-4001 when it does not verify; LB-4002 when the key is not trusted;
                LB-4102 when its agency is no party or has signed already.
        """
        agency, public = keys(key_id)
        self._check_signer(agency)
        self._check_unsigned(agency)
        made = Signature(protected_header(key_id), signature, key_id)
        self.verify(made, agency, public)
        return self.with_signature(made)

    def missing(self) -> tuple[str, ...]:
        """Name the parties that have not signed yet, going by the key ids alone."""
        signers = {signature.agency for signature in self.signatures}
        parties = Memorandum.from_json(self.payload).parties
        return tuple(party for party in parties if party not in signers)

    def _check_signer(self, agency: str) -> None:
        parties = Memorandum.from_json(self.payload).parties
        if agency not in parties:
            raise refuse(
                Reason.SIGNERS_NOT_PARTIES,
                f"{agency} is no party of this memorandum; its parties are {', '.join(parties)}",
                next_step="only the parties sign; have the memorandum amended to add one",
            )

    def _check_unsigned(self, agency: str) -> None:
        if agency in {signature.agency for signature in self.signatures}:
            raise refuse(
                Reason.SIGNERS_NOT_PARTIES,
                f"{agency} has signed already",
                next_step="nothing to do: each party signs exactly once",
            )


@dataclass(frozen=True, slots=True)
class Verified:
    """A memorandum whose every signature verifies, and who has signed it so far."""

    memorandum: Memorandum
    signers: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Name the parties that have not signed yet, in the order of the text."""
        return tuple(party for party in self.memorandum.parties if party not in self.signers)


def verify_memorandum(document: bytes, keys: FindKey) -> Memorandum:
    """Return the memorandum if each of its parties, and nobody else, has signed it once.

    Raises:
        LandbridgeError: LB-4101 malformed; LB-4001 a signature that does not verify; LB-4002 a key
            that is not trusted; LB-4102 signers that are not exactly the parties.
    """
    verified = verify_offer(SignedForm.parse(document), keys)
    if verified.missing:
        raise refuse(
            Reason.SIGNERS_NOT_PARTIES,
            f"{', '.join(sorted(verified.missing))} did not sign",
            where=f"memorandum {verified.memorandum.id}",
            next_step="have every party sign, then use the form that holds all signatures",
        )
    return verified.memorandum


def verify_offer(
    form: SignedForm, keys: FindKey, *, read: Callable[[bytes], Memorandum] = Memorandum.from_json
) -> Verified:
    """Return a memorandum that some of its parties, and nobody else, have signed once each.

    1. Find the key of each signature among the trusted ones, and verify it over the bytes received.
    2. Read the memorandum from these bytes.
    3. Hold the signers against the parties.

    Raises:
        LandbridgeError: as for `verify_memorandum`.
    """
    signers = form.verify_signers(keys)  # 1
    memorandum = read(form.payload)  # 2
    strangers = set(signers) - set(memorandum.parties)  # 3
    if strangers:
        raise refuse(
            Reason.SIGNERS_NOT_PARTIES,
            f"{', '.join(sorted(strangers))} signed without being a party",
            where=f"memorandum {memorandum.id}",
        )
    return Verified(memorandum, signers)
