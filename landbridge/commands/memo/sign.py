"""`landbridge memo sign`: one party's signature on a memorandum, or on a notice of several."""

from pathlib import Path

from landbridge.commands.memo.form_file import open_form, write_form
from landbridge.commands.memo.memo_file import talk_of_validity
from landbridge.commands.memo.notice_file import is_notice, sign_notice
from landbridge.commands.output import Output, OutputOption
from landbridge.keys import SigningKey


def sign(
    file: Path,
    /,
    *,
    key: Path,
    agency: str,
    out: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Add one party's signature to a memorandum's signed form, or to a notice of several parties.

    Args:
        file: The memorandum (YAML), its signed form so far, or a notice (.json).
        key: The file of the party's signing key for memoranda.
        agency: The party that signs.
        out: Where to write the signed form; without it, beside the memorandum.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4101 for a malformed memorandum; LB-4102 when the agency is no party or
            has signed already; LB-4002 for another agency's key; LB-4011 for a key that others may
            read; LB-4001 when the signed form holds another text than the memorandum.
    """
    if is_notice(file):
        return sign_notice(file, SigningKey.load(key), agency, out or file, output)
    memorandum, form, target = open_form(file, out)
    talk_of_validity(memorandum)
    form = form.add(SigningKey.load(key), agency)
    return write_form(memorandum, form, agency, target, output)
