"""An agency's application to join, or to change what is known of it: its details and new keys.

The agency signs it with its memorandum key, which stands in the application or is listed already.
Two administrators accept it after they have compared its fingerprint with what the agency reads
out: they sign the SHA-256 of its `admission`, so that nobody can put other keys in its place.
"""

import json
from hashlib import sha256
from typing import Annotated, Final, Self

import rfc8785
from cryptography.exceptions import InvalidSignature
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from landbridge.agency import Identity, Role, check_agency, parse_identity
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, pae, read_public
from landbridge.trust.approval import admission
from landbridge.trust.document import AuthorityState, BundleDocument

APPLICATION_TYPE: Final = "application/vnd.landbridge.application.v1"
LARGEST_APPLICATION: Final = 16 * 1024
_MOST_PARTIES: Final = 20
_MOST_KEYS: Final = 40
_ADDRESS: Final = r"^((\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5})?$"


def _agency(text: str) -> str:
    try:
        return check_agency(text)
    except LandbridgeError as error:
        raise ValueError(error.message) from error


def _public(text: str) -> str:
    try:
        read_public(text)
    except LandbridgeError as error:
        raise ValueError(error.message) from error
    return text


_Agency = Annotated[str, AfterValidator(_agency)]
_Public = Annotated[str, AfterValidator(_public)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AppliedParty(_Part):
    """A party of the agency; without an address it serves nobody, without `log` it keeps none."""

    role: Role
    name: str
    address: str = Field(pattern=_ADDRESS)
    log: Annotated[str, AfterValidator(lambda text: text and _public(text))] = ""
    """The public key of this party's log, which stands among the keys or is listed already."""


class AppliedKey(_Part):
    """A signing key that the agency brings along."""

    use: KeyUse
    public_key: _Public


class Application(_Part):
    """What an agency hands in; for a member `keys` holds the new ones alone."""

    federation: _Agency
    agency: _Agency
    title: str = Field(min_length=1, max_length=200)
    parties: tuple[AppliedParty, ...] = Field(min_length=1, max_length=_MOST_PARTIES)
    keys: tuple[AppliedKey, ...] = Field(max_length=_MOST_KEYS)
    made_at: AwareDatetime

    @model_validator(mode="after")
    def _is_of_one_piece(self) -> Self:
        identities = [self.identity(party) for party in self.parties]
        for identity in identities:
            try:
                parse_identity(identity.uri, self.federation)
            except LandbridgeError as error:
                raise ValueError(error.message) from error
        if len(set(identities)) != len(identities):
            raise ValueError("a party stands twice")
        if len({key.public_key for key in self.keys}) != len(self.keys):
            raise ValueError("a key stands twice")
        if not self.title.isprintable() or any(key.use is KeyUse.BUNDLE for key in self.keys):
            raise ValueError("the title is not printable, or a key is for bundles")
        return self

    @classmethod
    def read(cls, document: bytes) -> Self:
        """Read what `to_bytes` wrote, in exactly that form.

        Raises:
            LandbridgeError: LB-1001 when it is of another form or too large.
        """
        if len(document) > LARGEST_APPLICATION:
            raise _malformed(f"it has {len(document)} bytes; {LARGEST_APPLICATION} are allowed")
        try:
            found = cls.model_validate_json(document)
            canonical = rfc8785.dumps(json.loads(document)) == document
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise _malformed(f"{place}: {first['msg']}" if place else first["msg"]) from error
        except (ValueError, TypeError, RecursionError) as error:
            raise _malformed("its JSON cannot be read") from error
        if not canonical:
            raise _malformed("its JSON is not in the form of RFC 8785")
        return found

    def to_bytes(self) -> bytes:
        """Write it as RFC 8785 JSON: what is signed, under its payload type."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    def sign(self, key: SigningKey) -> bytes:
        """Sign it with the agency's memorandum key: 64 bytes, Ed25519."""
        return key.sign(pae(APPLICATION_TYPE, self.to_bytes()))

    def identity(self, party: AppliedParty) -> Identity:
        """Return the identity that one of the parties is to have."""
        return Identity(self.agency, self.federation, party.role, party.name)

    @property
    def admission(self) -> bytes:
        """What two administrators accept: the `detail` of their act is its SHA-256."""
        return admission(
            self.federation,
            self.agency,
            self.title,
            {party.role for party in self.parties},
            [(key.use, key.public_key) for key in self.keys],
            servers=[(e.role, e.name, e.address) for e in self.parties if e.address],
        )


def check_application(document: bytes, signature: bytes, content: BundleDocument) -> Application:
    """Read an application and check that the agency's memorandum key signed it.

    A member's application is signed by a memorandum key that the bundle lists for it, or by one in
    the application, for when the old ones are lost.

    Raises:
        LandbridgeError: LB-1001 when it is of another form or federation; LB-4001 when no such key
            signed it.
    """
    application = Application.read(document)
    if application.federation != content.federation:
        raise _malformed(f"it is for the federation {application.federation}")
    known = content.members.get(application.agency)
    keys = [(key.use, key.public_key) for key in application.keys]
    keys += [
        (key.use, key.public_key)
        for key in (known.keys if known else ())
        if key.state in {AuthorityState.PUBLISHED, AuthorityState.ACTIVE}
    ]
    for text in (public for use, public in keys if use is KeyUse.MEMORANDUM):
        try:
            read_public(text).verify(signature, pae(APPLICATION_TYPE, document))
        except InvalidSignature:
            continue
        return application
    raise refuse(
        Reason.BAD_SIGNATURE, "no memorandum key of the agency has signed this application"
    )


def fingerprint(document: bytes) -> str:
    """Write an application's SHA-256 in groups of four hexadecimal digits, to be read out."""
    digits = sha256(document).hexdigest()
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def _malformed(message: str) -> LandbridgeError:
    return refuse(Reason.MALFORMED_REQUEST, f"the application cannot be read: {message}")
