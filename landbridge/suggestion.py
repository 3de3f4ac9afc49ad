"""What a reader probably meant by a word that is not known."""

from collections.abc import Iterable

_FAR = 0.4
"""Share of a word's letters beyond which edits make it another word."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Find the known word that is nearest to the one written; None where none is near."""
    # Loaded here because only errors need it, and every command would pay for its import.
    from rapidfuzz import process, utils  # noqa: PLC0415
    from rapidfuzz.distance import OSA  # noqa: PLC0415

    found = process.extractOne(
        word,
        list(known),
        scorer=OSA.normalized_distance,
        processor=utils.default_process,
        score_cutoff=_FAR,
    )
    return None if found is None else found[0]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Write the end of a message: `; did you mean 'x'?`, or nothing where no word is near."""
    near = nearest(word, known)
    return "" if near is None else f"; did you mean {near!r}?"
