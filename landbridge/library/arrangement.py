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


def arrange(
    found: Iterable[Found],
    refused: Iterable[Refused] = (),
    *,
    agency: str = "",
    accept: Accept | None = None,
    known: Sequence[str] = (),
) -> Shelf:
    """Lay documents beside one another; with an agency, only memoranda that it is a party of.

    `known` names what counted before, so that it goes before others with the same id.
    """
    found, out = list(found), list(refused)
    mine: list[Found] = []
    for each in _merged([one for one in found if one.opened.kind is Kind.MEMORANDUM]):
        memorandum = each.opened.memorandum
        if memorandum and agency and agency not in memorandum.parties:
            out.append(Refused(each.path, _no_party(agency, memorandum)))
        else:
            mine.append(each)
    agreed, offered = _sort(mine, known, out)
    barred: dict[str, LandbridgeError] = {}
    for each in agreed.values():
        if accept and each.opened.memorandum:
            try:
                accept(each.opened.memorandum)
            except LandbridgeError as error:
                barred[each.opened.subject] = error
                out.append(Refused(each.path, error))
    noticed, waiting = _fit(found, agreed, out)
    revoked = {each.opened.signed: each for each in found if each.opened.kind is Kind.REVOCATION}
    shelf = Shelf(agreed, offered, noticed, revoked, tuple(waiting), barred, tuple(out))
    return replace(shelf, refused=(*out, *_muddled(shelf)))


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
    memoranda: Sequence[Found], known: Sequence[str], out: list[Refused]
) -> tuple[dict[str, Found], dict[str, Found]]:
    """Part what is agreed from what is offered; an id is of the text that was agreed first."""
    agreed: dict[str, Found] = {}
    offered: dict[str, Found] = {}
    by_id: dict[str, str] = {}
    place = {signed: number for number, signed in enumerate(known)}
    ordered = sorted(
        memoranda, key=lambda each: (place.get(each.opened.signed, len(place)), each.path)
    )
    for whole in (True, False):
        for each in ordered:
            memorandum, signed = each.opened.memorandum, each.opened.signed
            if memorandum is None or bool(each.opened.missing) is whole:
                continue
            if memorandum.id in by_id:
                out.append(Refused(each.path, _same_id(memorandum)))
            elif whole:
                by_id[memorandum.id] = signed
                agreed[signed] = each
            else:
                offered[signed] = each
    return agreed, offered


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


def _muddled(shelf: Shelf) -> list[Refused]:
    return [
        Refused(
            each.path,
            refuse(
                Reason.NOT_A_SUCCESSOR,
                shelf.settled.refused[each.opened.subject],
                where=f"memorandum {each.opened.subject}",
            ),
        )
        for each in shelf.agreed.values()
        if each.opened.subject in shelf.settled.refused
    ]


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
