"""What a status list, or a notice, says of the answers of a profile."""

import pytest

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.profile_status import AnswerPlace, Standing, answer_statuses
from landbridge.rights.correction import Correction, verify_correction
from landbridge.rights.status_list import VALID_MS, StatusList
from tests.bundles import bundle
from tests.corrections import LOG, QUERY, notices, now
from tests.pki import REGISTRY

AT = 1_800_000_000_000
DAY = StatusList(LOG, 8, AT, AT + VALID_MS, b"\x04")
PLACES = [AnswerPlace(REGISTRY, LOG, index, ("schools",)) for index in (1, 2, 8)]


@pytest.mark.parametrize(
    ("found", "at", "standings"),
    [
        (DAY, AT, ["good", "superseded", "unknown"]),
        (DAY, AT + VALID_MS, ["unknown", "superseded", "unknown"]),
        (DAY, AT - VALID_MS, ["unknown", "superseded", "unknown"]),
        (refuse(Reason.UNREACHABLE, "away"), AT, ["unknown", "unknown", "unknown"]),
        (None, AT, ["unknown", "unknown", "unknown"]),
    ],
)
def test_what_is_superseded_stays_so_and_what_is_old_says_nothing_is_good(
    found: StatusList | LandbridgeError | None, at: int, standings: list[str]
) -> None:
    lists = {} if found is None else {LOG: found}
    told = answer_statuses(PLACES, lists, [], at)
    assert [one.standing for one in told] == standings
    assert all(bool(one.error) is (one.standing is Standing.UNKNOWN) for one in told)


def test_a_notice_says_what_was_wrong_where_there_is_no_list() -> None:
    (signed,) = notices([(2, QUERY)])
    notice: Correction = verify_correction(signed.to_bytes(), bundle(), now())
    told = answer_statuses(PLACES, {}, [notice], AT)
    assert [one.standing for one in told] == ["unknown", "superseded", "unknown"]
    assert told[1].corrections == (notice,)
