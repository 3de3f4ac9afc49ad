"""`landbridge cert taint ID`: gives up an authority or a signing key that somebody has stolen."""

from certs.registrar.authority_acts import TAINT_GRACE
from landbridge.commands.act import GateOptions, Prepared, run_act
from landbridge.commands.act_line import ActLine
from landbridge.errors import Reason, refuse
from landbridge.suggestion import did_you_mean
from landbridge.trust.approval import Act
from landbridge.trust.document import Level

_DEFAULTS = GateOptions()


def taint(subject: str, /, *, options: GateOptions = _DEFAULTS) -> int:
    """Give up an authority or a signing key: nothing new that it signs is believed.

    Parties with a certificate of a tainted authority renew at once; after an hour it is accepted by
    nobody. The active authority cannot be tainted before another is active: rotate first, with
    --override if somebody lags. A root needs two administrators.

    Args:
        subject: An authority's id, such as issuing-2, or a signing key's, such as
            register.gov/log/1f2e3d4c.
        options: Who acts, and how.
    """
    is_key = "/" in subject

    def prepare(line: ActLine) -> Prepared:
        content = line.bundle.content
        keys = [key.key_id for member in content.members.values() for key in member.keys]
        known = keys if is_key else [each.id for each in content.authorities]
        if subject not in known:
            raise refuse(
                Reason.USAGE,
                f"the trust bundle lists no {'key' if is_key else 'authority'} {subject!r}"
                f"{did_you_mean(subject, known)}",
                next_step="see `landbridge cert bundle`",
            )
        act = Act.KEY_TAINT if is_key else Act.AUTHORITY_TAINT
        return Prepared(
            line.statement(act, subject, override=options.override), next_step=_after(subject)
        )

    return run_act(options, prepare)


def _after(subject: str) -> str:
    if "/" in subject:
        return "a new key: landbridge federation apply, or landbridge cert rotate key"
    level = Level(subject.partition("-")[0])
    hours = int(TAINT_GRACE.total_seconds() // 3600)
    return f"remove it when nobody shows it, within {hours} h: landbridge cert rotate {level}"
