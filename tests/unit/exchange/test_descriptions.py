"""What a node's datasets are described as: every field, its type and meaning, and no more."""

from typing import Any

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.exchange.dcat_ap import write_catalogue
from landbridge.exchange.description import DescribedAgency, DescribedDataset, DescribedField
from landbridge.exchange.table_schema import write_table_schema
from node.description import choose_dataset, describe
from node.node_file import FieldType
from tests import example


@pytest.fixture(scope="module")
def agency() -> DescribedAgency:
    return describe(example.nodes()["fsa.ed"], example.federation())


def dataset_of(*fields: DescribedField) -> DescribedDataset:
    return DescribedDataset("d", "D", "legal-entity", (), fields)


def written(field: DescribedField) -> dict[str, Any]:
    (found,) = write_table_schema(dataset_of(field))["fields"]
    return dict(found)


def test_every_dataset_and_field_is_described() -> None:
    for name, node in example.nodes().items():
        described = describe(node, example.federation())
        assert described.id == name
        assert [each.name for each in described.datasets] == [each.name for each in node.datasets]
        for told, dataset in zip(described.datasets, node.datasets, strict=True):
            assert [each.name for each in told.fields] == [each.name for each in dataset.fields]
            names = [each["name"] for each in write_table_schema(told)["fields"]]
            assert names == [each.name for each in dataset.fields]


def test_nothing_of_the_agencys_own_house_is_told(agency: DescribedAgency) -> None:
    told = str(write_catalogue(agency)) + str([*map(write_table_schema, agency.datasets)])
    for native in ("hcm_2019", "Stop Pay/Monitor Method", "HCM - Cash", ".csv", "latin-1"):
        assert native not in told


@pytest.mark.parametrize("kind", list(FieldType))
def test_each_type_has_its_type_of_table_schema(kind: FieldType) -> None:
    types = {
        FieldType.INTEGER: "integer",
        FieldType.DECIMAL: "number",
        FieldType.DATE: "date",
        FieldType.TIMESTAMP: "datetime",
        FieldType.BOOLEAN: "boolean",
    }
    field = written(DescribedField("f", str(kind)))
    assert field["type"] == types.get(kind, "string")
    assert field["landbridge:type"] == str(kind)


def test_codes_terms_and_lists_are_said() -> None:
    coded = written(DescribedField("f", "code", "Control", term="control", codes=("a", "b")))
    assert coded["constraints"] == {"enum": ["a", "b"]}
    assert coded["description"] == "Control"
    assert coded["landbridge:term"] == "control"
    several = written(DescribedField("f", "code", codes=("a", "b"), several=True))
    assert several["type"] == "array"
    assert "constraints" not in several
    assert written(DescribedField("f", "identifier", scheme="lei"))["landbridge:scheme"] == "lei"


def test_a_catalogue_says_who_publishes_what_of_which_day(agency: DescribedAgency) -> None:
    catalogue = write_catalogue(agency)
    assert catalogue["dct:publisher"]["dct:identifier"] == "fsa.ed"
    days = [each["dct:temporal"]["dcat:startDate"]["@value"] for each in catalogue["dcat:dataset"]]
    assert days == ["2015-12-01", "2016-12-01", "2019-06-20"]
    assert len({each["@id"] for each in catalogue["dcat:dataset"]}) == 3
    assert all("Federal Student Aid" in str(each) for each in catalogue["dcat:dataset"])


def test_one_dataset_is_chosen_by_name(agency: DescribedAgency) -> None:
    assert choose_dataset(agency, "cash-monitoring-2016").as_of == "2016-12-01"
    with pytest.raises(LandbridgeError) as unknown:
        choose_dataset(agency, "cash-monitoring-206")
    assert unknown.value.reason is Reason.UNKNOWN_DATASET
    assert "cash-monitoring-2016" in unknown.value.message
    with pytest.raises(LandbridgeError) as unnamed:
        choose_dataset(agency, "")
    assert unnamed.value.reason is Reason.USAGE
    (only,) = describe(example.nodes()["cdr.ed"], example.federation()).datasets
    assert choose_dataset(describe(example.nodes()["cdr.ed"], example.federation()), "") == only
