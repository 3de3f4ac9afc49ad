"""`landbridge federation suspend|leave`: a member is shut out for now, or goes for good."""

from landbridge.commands.act import ActOptions, Prepared, run_act
from landbridge.commands.act_line import ActLine
from landbridge.errors import Reason, refuse
from landbridge.suggestion import did_you_mean
from landbridge.trust.approval import Act

_DEFAULTS = ActOptions()


def suspend(agency: str, /, *, options: ActOptions = _DEFAULTS) -> int:
    """Shut a member out: its calls are refused and its streams end, everywhere, within a second.

    One administrator is enough. What it signed before stays verifiable; `federation accept` takes
    it back, with two.

    Args:
        agency: The agency's id.
        options: Who acts, and how.
    """
    return _end(Act.MEMBER_SUSPEND, agency, options)


def leave(agency: str, /, *, options: ActOptions = _DEFAULTS) -> int:
    """End a membership for good; what the member signed before stays verifiable.

    Args:
        agency: The agency's id.
        options: Who acts, and how.
    """
    return _end(Act.MEMBER_LEAVE, agency, options)


def _end(act: Act, agency: str, options: ActOptions) -> int:
    def prepare(line: ActLine) -> Prepared:
        members = line.bundle.content.members
        if agency not in members:
            raise refuse(
                Reason.USAGE,
                f"{agency!r} is no member{did_you_mean(agency, members)}",
                next_step="`landbridge federation show` lists the members",
            )
        return Prepared(line.statement(act, agency, revision=members[agency].revision))

    return run_act(options, prepare)
