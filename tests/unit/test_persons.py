"""The persons of tests and examples are synthetic, and say so."""

from datetime import date

from stdnum.ee import ik

from tests.persons import MARK, invent


def test_numbers_are_valid_and_nobodys() -> None:
    persons = invent(500, seed=1)
    assert len({person.number for person in persons}) == 500
    for person in persons:
        assert ik.validate(person.number) == person.number
        # No authority has issued a code of a birth that is to come.
        assert ik.get_birth_date(person.number) == person.born >= date(2170, 1, 1)
        assert person.name.startswith(MARK)


def test_a_seed_always_gives_the_same_persons() -> None:
    assert invent(50, seed=3) == invent(50, seed=3)
    assert not {person.number for person in invent(50, seed=3)} & {
        person.number for person in invent(50, seed=4)
    }
