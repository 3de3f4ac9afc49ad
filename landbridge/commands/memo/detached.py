"""`landbridge memo detach` and `attach`: a signature that is made on a machine without a network.

Elsewhere may be a machine without a network and without Landbridge:

    landbridge memo detach ed-2026-01.yaml --agency nces.ed --key-id nces.ed/memorandum/1f2e3d4c \
        --out to-sign.bin
    openssl pkeyutl -sign -rawin -inkey memorandum.key -in to-sign.bin -out signature.bin
    landbridge memo attach ed-2026-01.yaml --key-id nces.ed/memorandum/1f2e3d4c \
        --signature signature.bin --bundle trust-bundle.json
"""

from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from landbridge.clock import system_clock
from landbridge.commands.files import open_bundle, read_named
from landbridge.commands.memo.form_file import is_there, open_form, print_unbroken, write_form
from landbridge.commands.memo.memo_file import talk_of_validity
from landbridge.commands.output import Output, OutputOption, print_json
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import (
    KeyUse,
    make_key_id,
    read_public,
    signature_text,
    split_key_id,
    write_whole,
)
from landbridge.library.trusted_keys import memorandum_keys
from landbridge.memorandum.signed_form import FindKey

_COMPLETE: Final = 0
_SIGNATURE_BYTES: Final = 64


def detach(
    file: Path,
    /,
    *,
    agency: str,
    key_id: str,
    out: Path,
    output: OutputOption = Output.TABLE,
) -> int:
    """Write out exactly what a party signs, for a machine without a network.

    There, `openssl pkeyutl -sign -rawin -inkey KEY -in OUT -out SIGNATURE` signs it; then
    `landbridge memo attach` adds the signature.

    Args:
        file: The memorandum (YAML), or its signed form so far (.json).
        agency: The party that signs.
        key_id: The id of its key for memoranda, as the trust bundle lists it.
        out: Where to write what is signed.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4101 for a malformed memorandum; LB-4102 when the agency is no party or
            has signed already; LB-4002 for the id of another agency's key; LB-1106 when the file to
            write is there already.
    """
    memorandum, form, _ = open_form(file, None)
    _check_key_id(key_id, agency)
    if out.exists():
        raise is_there(out)
    data = form.to_sign(agency, key_id)
    talk_of_validity(memorandum)
    write_whole(out, data, mode=0o644)
    if output is Output.TABLE:
        print_unbroken(f"{agency} signs {memorandum.id} with {key_id}: {out}")
        print_unbroken("on the machine that holds the key:")
        print_unbroken(f"  openssl pkeyutl -sign -rawin -inkey KEY -in {out} -out signature.bin")
    else:
        print_json(
            {
                "memorandum": memorandum.id,
                "digest": memorandum.digest,
                "agency": agency,
                "key_id": key_id,
                "file": str(out),
            },
            output,
        )
    return _COMPLETE


def attach(  # noqa: PLR0913  options of a command
    file: Path,
    /,
    *,
    key_id: str,
    signature: Path,
    public: Path | None = None,
    bundle: Path | None = None,
    out: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Add a signature that was made elsewhere, once it verifies.

    Args:
        file: The memorandum (YAML), or its signed form so far (.json).
        key_id: The id of the key that signed.
        signature: The file of the signature: 64 bytes.
        public: The file of the public key: PEM, or the 43 characters that Landbridge writes.
        bundle: The federation's trust bundle, instead of --public.
        out: Where to write the signed form; without it, beside the memorandum.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4001 when the signature does not verify; LB-4002 when the key is not the
            one that is named, or not trusted; LB-4102 when its agency is no party or has signed
            already; LB-1106 unless exactly one of --public and --bundle is given.
    """
    memorandum, form, target = open_form(file, out)
    keys = _find_key(key_id, public, bundle)
    made = read_named(signature, "signature")
    if len(made) != _SIGNATURE_BYTES:
        raise refuse(
            Reason.BAD_SIGNATURE,
            f"a signature by Ed25519 has {_SIGNATURE_BYTES} bytes, and this file {len(made)}",
            where=str(signature),
            next_step="sign with `openssl pkeyutl -sign -rawin`, which writes it as it is",
        )
    form = form.attach(key_id, signature_text(made), keys)
    talk_of_validity(memorandum)
    return write_form(memorandum, form, split_key_id(key_id)[0], target, output)


def _find_key(key_id: str, public: Path | None, bundle: Path | None) -> FindKey:
    if (public is None) is (bundle is None):
        raise refuse(
            Reason.USAGE,
            "it is not said by what the signature is verified",
            next_step="give --public KEY or --bundle trust-bundle.json, and not both",
        )
    if bundle is not None:
        return memorandum_keys(open_bundle(bundle), system_clock())
    agency, use = split_key_id(key_id, where="--key-id")
    key = _read_public(public) if public else None
    if key is None or use is not KeyUse.MEMORANDUM or make_key_id(agency, use, key) != key_id:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the public key is not {key_id}",
            where=str(public),
            next_step="give the public key of just this key, for memoranda",
        )
    return lambda _: (agency, key)


def _read_public(path: Path) -> Ed25519PublicKey | None:
    data = read_named(path, "public key")
    if not data.startswith(b"-----"):
        try:
            return read_public(data.decode("ascii", "replace").strip())
        except LandbridgeError as error:
            raise refuse(error.reason, error.message, where=str(path)) from error
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def _check_key_id(key_id: str, agency: str) -> None:
    owner, use = split_key_id(key_id, where="--key-id")
    if owner != agency or use is not KeyUse.MEMORANDUM:
        raise refuse(
            Reason.UNTRUSTED_KEY,
            f"the key {key_id} is not a key of {agency} for memoranda",
            where="--key-id",
            next_step=f"name the key {agency}/{KeyUse.MEMORANDUM}/...",
        )
