"""Lays a party's documents beside one another: which count, which are offers, which are refused.

Signatures of one text are put together wherever they lie. Nothing here reads a clock or a file.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.library.kinds import Kind
from landbridge.library.shelf import Found, Refused, Shelf
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.notice import check_fits
from landbridge.memorandum.signed_form import Signature

Accept = Callable[[Memorandum], None]
"""Raises LandbridgeError when a party cannot do what an agreed memorandum says."""


def arrange(  # noqa: PLR0913  by name
    found: Iterable[Found],
    refused: Iterable[Refused] = (),
    *,
    agency: str = "",
    accept: Accept | None = None,
    known: Sequence[str] = (),
    successors: Sequence[Found] = (),
) -> Shelf:
    """Lay documents beside one another; with an agency, only memoranda that it is a party of.

    `known` names what counted before, so that it goes before others with the same id. Without an
    agency an id may be that of several memoranda: nobody keeps an id from others by taking it.
    `successors` counted once: those that no longer do, end what they amend all the same.
    """
    found, out = list(found), list(refused)
    mine: list[Found] = []
    for each in _merged([one for one in found if one.opened.kind is Kind.MEMORANDUM]):
        memorandum = each.opened.memorandum
        if memorandum and agency and agency not in memorandum.parties:
            out.append(Refused(each.path, _no_party(agency, memorandum)))
        else:
            mine.append(each)
    agreed, offered, idle = _sort(mine, known, agency, out)
    barred = _barred(agreed, accept, out)
    lost = _find_lost(successors, agreed, agency)
    barred |= dict.fromkeys(lost, _lost())
    noticed, waiting = _fit(found, agreed, out)
    revoked = {each.opened.signed: each for each in found if each.opened.kind is Kind.REVOCATION}
    corrected = {each.opened.signed: each for each in found if each.opened.kind is Kind.CORRECTION}
    acknowledged = _fit_acknowledgements(found, corrected, out, waiting)
    shelf = Shelf(
        agreed=agreed,
        offered=offered,
        noticed=noticed,
        revoked=revoked,
        corrected=corrected,
        acknowledged=acknowledged,
        lost=lost,
        idle=tuple(idle),
        waiting=tuple(waiting),
        barred=barred,
        agency=agency,
    )
    return replace(shelf, refused=(*out, *_muddled(shelf)))


def _barred(
    agreed: Mapping[str, Found], accept: Accept | None, out: list[Refused]
) -> dict[str, LandbridgeError]:
    """Find which memoranda this party cannot do."""
    found: dict[str, LandbridgeError] = {}
    for signed, each in agreed.items():
        if accept and each.opened.memorandum:
            try:
                accept(each.opened.memorandum)
            except LandbridgeError as error:
                found[signed] = error
                out.append(Refused(each.path, error))
    return found


def _merged(found: Sequence[Found]) -> list[Found]:
    """Put the signatures of one text together, wherever they lie; one of each party."""
    texts: dict[str, list[Found]] = {}
    for each in found:
        texts.setdefault(each.opened.signed, []).append(each)
    return [_merge(group) for group in texts.values()]


def _merge(group: Sequence[Found]) -> Found:
    if len(group) == 1:
        return group[0]
    of_party: dict[str, Signature] = {}
    for each in group:
        for signature in each.opened.form.signatures if each.opened.form else ():
            held = of_party.setdefault(signature.agency, signature)
            # Of two signatures of one party everybody keeps the same one.
            if (signature.key_id, signature.signature) < (held.key_id, held.signature):
                of_party[signature.agency] = signature
    whole = [each for each in group if len(each.opened.signers) == len(of_party)]
    if whole:
        return min(whole, key=lambda each: (each.opened.digest, each.path))
    first = min(group, key=lambda each: each.path)
    return replace(first, opened=first.opened.signed_by(of_party.values()))


def _sort(
    memoranda: Sequence[Found], known: Sequence[str], agency: str, out: list[Refused]
) -> tuple[dict[str, Found], dict[str, Found], list[Found]]:
    """Part what is agreed from what is offered, and from what has the id of an agreed one."""
    agreed: dict[str, Found] = {}
    offered: dict[str, Found] = {}
    idle: list[Found] = []
    ids: set[str] = set()
    place = {signed: number for number, signed in enumerate(known)}
    ordered = sorted(
        memoranda, key=lambda each: (place.get(each.opened.signed, len(place)), each.path)
    )
    for whole in (True, False):
        for each in ordered:
            memorandum, signed = each.opened.memorandum, each.opened.signed
            if memorandum is None or bool(each.opened.missing) is whole:
                continue
            if memorandum.id in ids and agency:
                idle.append(each)
                out.append(Refused(each.path, _same_id(memorandum)))
            elif whole:
                ids.add(memorandum.id)
                agreed[signed] = each
            else:
                offered[signed] = each
    return agreed, offered, idle


def _fit(
    found: Iterable[Found], agreed: Mapping[str, Found], out: list[Refused]
) -> tuple[dict[str, Found], list[Found]]:
    """Part the notices that are on memoranda here from those that wait for theirs."""
    noticed: dict[str, Found] = {}
    waiting: list[Found] = []
    for each in found:
        notice = each.opened.notice
        if notice is None:
            continue
        on = agreed.get(notice.digest)
        if on is None or on.opened.memorandum is None:
            waiting.append(each)
            continue
        try:
            check_fits(notice, on.opened.memorandum)
        except LandbridgeError as error:
            out.append(Refused(each.path, error))
        else:
            noticed.setdefault(each.opened.signed, each)
    return noticed, waiting


def _fit_acknowledgements(
    found: Iterable[Found],
    corrected: Mapping[str, Found],
    out: list[Refused],
    waiting: list[Found],
) -> dict[str, Found]:
    """Find the acknowledgements of notices that are here; others wait for theirs."""
    acknowledged: dict[str, Found] = {}
    for each in found:
        acknowledgement = each.opened.acknowledgement
        if acknowledgement is None:
            continue
        on = corrected.get(acknowledgement.digest)
        if on is None or on.opened.correction is None:
            waiting.append(each)
        elif acknowledgement.fits(on.opened.correction):
            acknowledged.setdefault(each.opened.signed, each)
        else:
            out.append(Refused(each.path, _other_notice(acknowledgement.correction)))
    return acknowledged


def _find_lost(
    successors: Sequence[Found], agreed: Mapping[str, Found], agency: str
) -> dict[str, Found]:
    """Find what counted once and no longer does; of one id the latest, unless one is agreed."""
    ids = {each.opened.subject for each in agreed.values()} if agency else set()
    lost = [
        each
        for each in successors
        if each.opened.signed not in agreed and each.opened.subject not in ids
    ]
    latest = {each.opened.subject if agency else each.opened.signed: each for each in lost}
    return {each.opened.signed: each for each in latest.values()}


def _muddled(shelf: Shelf) -> list[Refused]:
    """Find the agreed memoranda that do not follow what they amend."""
    found: list[Refused] = []
    for each in shelf.agreed.values():
        memorandum = each.opened.memorandum
        why = shelf.settled_of(memorandum).refused.get(memorandum.id) if memorandum else None
        if why is not None:
            where = f"memorandum {each.opened.subject}"
            found.append(Refused(each.path, refuse(Reason.NOT_A_SUCCESSOR, why, where=where)))
    return found


def _lost() -> LandbridgeError:
    return refuse(
        Reason.SIGNERS_NOT_PARTIES,
        "it counted once, and its signatures no longer do, or it is gone",
    )


def _other_notice(correction: str) -> LandbridgeError:
    return refuse(
        Reason.MALFORMED_CASE,
        "it names another provider, recipient or id than the notice that it acknowledges",
        where=f"acknowledgement of {correction}",
        next_step="write it with `landbridge correction acknowledge`",
    )


def _same_id(memorandum: Memorandum) -> LandbridgeError:
    return refuse(
        Reason.MALFORMED_MEMORANDUM,
        f"another document in the folder is the memorandum {memorandum.id} already",
        where=f"memorandum {memorandum.id}",
        next_step="keep the one that is meant; a change is a successor with an id of its own",
    )


def _no_party(agency: str, memorandum: Memorandum) -> LandbridgeError:
    return refuse(
        Reason.SIGNERS_NOT_PARTIES,
        f"{agency} is no party of the memorandum {memorandum.id}",
        where=f"memorandum {memorandum.id}",
        next_step="remove the document from this node's folder",
    )
