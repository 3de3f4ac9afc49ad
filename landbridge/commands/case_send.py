"""`landbridge dispute send` and `repair send`: a signed step that was kept goes out again."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.commands.case_line import send_kept, tell_case
from landbridge.commands.files import read_named
from landbridge.commands.output import Output, OutputOption, talk

_COMPLETE: Final = 0


def send(
    file: Path,
    /,
    *,
    who: Annotated[str | None, Parameter(name="--as")] = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Hand a signed step in again, that may not have arrived; the agency takes it once.

    Args:
        file: The signed document, as it was kept in `sent-steps` of the party's folder.
        who: The party over whose line it goes, where it is not the home's own requester.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: the agency's reason, as `landbridge dispute open`; LB-4107 when the file is
            no step of a case; LB-4008 when nothing proves that the agency took it.
    """
    tell_case(send_kept(home, who, read_named(file, "signed step")), output)
    talk("note: the case may have come further since this step: `show` says how far")
    return _COMPLETE
