"""Which identifiers are followed, and which are only shown."""

from landbridge.links import FollowedIdentifiers, linking_records
from landbridge.read_answer import read_answer
from landbridge.subject import IdentifierScheme, Schemes, SubjectId, SubjectKind
from landbridge.v1 import answer_pb2, query_pb2
from tests.small_town import heading

ENTITY = SubjectKind.LEGAL_ENTITY
PERSON = SubjectKind.NATURAL_PERSON


def scheme(name: str, *, group: bool = False, kind: SubjectKind = ENTITY) -> IdentifierScheme:
    return IdentifierScheme(
        name,
        title=name,
        subject_kind=kind,
        group=group,
        read=(),
        pattern="",
        stdnum="",
        spellings={},
    )


SCHEMES = Schemes(
    [
        scheme("unit"),
        scheme("code"),
        scheme("facility"),
        scheme("tax", group=True),
        scheme("person", kind=PERSON),
    ]
)
ASKED = SubjectId("unit", "1")


def identifier_column(name: str) -> answer_pb2.Column:
    return answer_pb2.Column(field=name, type=answer_pb2.VALUE_TYPE_IDENTIFIER, scheme=name)


def answer(
    about: SubjectId,
    *rows: dict[str, str | list[str]],
    agency: str = "a",
    covers_group: bool = False,
) -> answer_pb2.Answer:
    schemes = sorted({name for row in rows for name in row})
    message = answer_pb2.Answer(agency=agency, step=query_pb2.STEP_RESOLVE, round=1)
    extract = message.datasets.add(dataset="register").extracts.add(
        heading=heading(*[identifier_column(name) for name in schemes])
    )
    for number, row in enumerate(rows):
        record = extract.records.add(record=str(number), covers_group=covers_group)
        record.about.scheme, record.about.value = about.scheme, about.value
        for name in schemes:
            value = record.values.add()
            cell = row.get(name, "")
            if isinstance(cell, list):
                for item in cell:
                    value.list.items.add(text=item)
            else:
                value.text = cell
    return message


def follow(*rounds: list[answer_pb2.Answer], most: int = 20) -> FollowedIdentifiers:
    followed = FollowedIdentifiers(ASKED, SCHEMES, most)
    for answers in rounds:
        followed.add_round(
            record
            for item in answers
            for record in linking_records(read_answer(item.SerializeToString()))
        )
    return followed


def test_a_direct_link_is_followed() -> None:
    followed = follow([answer(ASKED, {"unit": "1", "code": "0100"})])
    assert followed.aliases == (SubjectId("code", "0100"),)


def test_sources_that_disagree_are_all_followed() -> None:
    followed = follow(
        [answer(ASKED, {"code": "0100"}, agency="a"), answer(ASKED, {"code": "0200"}, agency="b")]
    )
    assert followed.by_scheme["code"] == (SubjectId("code", "0100"), SubjectId("code", "0200"))


def test_another_identifier_of_the_asked_scheme_is_shown_and_not_followed() -> None:
    followed = follow([answer(ASKED, {"unit": ["1", "2"]})])
    assert followed.aliases == ()
    assert [link.linked for link in followed.links] == [SubjectId("unit", "2")]


def test_a_settled_scheme_is_not_widened_by_a_later_round() -> None:
    code = SubjectId("code", "0100")
    followed = follow(
        [answer(ASKED, {"code": "0100"})],
        [answer(code, {"code": "0100", "unit": ["1", "2"], "facility": "F1"})],
    )
    assert followed.by_scheme["unit"] == (ASKED,)
    assert followed.by_scheme["facility"] == (SubjectId("facility", "F1"),)


def test_a_group_number_is_no_step_to_its_other_members() -> None:
    tax = SubjectId("tax", "99")
    followed = follow([answer(ASKED, {"tax": "99"})], [answer(tax, {"facility": "F9"})])
    assert followed.by_scheme["tax"] == (tax,)
    assert "facility" not in followed.by_scheme


def test_a_record_of_a_group_links_nothing() -> None:
    assert follow([answer(ASKED, {"code": "0100"}, covers_group=True)]).aliases == ()


def test_links_from_an_identifier_that_nobody_asked_for_are_ignored() -> None:
    stranger = SubjectId("code", "0999")
    assert follow([answer(stranger, {"facility": "F1"})]).links == []


def test_too_many_identifiers_are_not_followed_and_counted() -> None:
    rows = [{"code": f"{number:04}"} for number in range(4)]
    followed = follow([answer(ASKED, *rows)], most=3)
    assert followed.aliases == ()
    assert followed.overflowed == {"code": 4}


def test_a_record_that_names_a_sister_campus_is_shown_and_leads_nowhere() -> None:
    code = SubjectId("code", "0100")
    followed = follow(
        [answer(ASKED, {"code": "0100"})],
        [answer(code, {"code": "0100", "unit": "2", "facility": "F2"})],
    )
    assert "facility" not in followed.by_scheme
    assert SubjectId("facility", "F2") in [link.linked for link in followed.links]


def test_a_group_that_is_asked_for_itself_leads_to_its_members() -> None:
    tax = SubjectId("tax", "99")
    followed = FollowedIdentifiers(tax, SCHEMES, 20)
    members = answer(tax, {"unit": "1"}, {"unit": "2"}, covers_group=True)
    followed.add_round(linking_records(read_answer(members.SerializeToString())))
    assert followed.aliases == (SubjectId("unit", "1"), SubjectId("unit", "2"))


def test_a_company_never_leads_to_a_person_nor_to_a_scheme_that_nobody_knows() -> None:
    followed = follow([answer(ASKED, {"person": "7", "strange": "8", "code": "0100"})])
    assert followed.aliases == (SubjectId("code", "0100"),)
