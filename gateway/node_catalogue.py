"""What a node says of itself, checked before a query is planned by it."""

from landbridge.errors import Reason, refuse
from landbridge.v1 import catalogue_pb2

_MAX_DATASETS = 200
_MAX_FIELDS = 500
_MAX_KEYS = 20
_MAX_NAME = 200


def check_catalogue(catalogue: catalogue_pb2.Catalogue, agency: str) -> None:
    """Check that a catalogue is of this agency, and within bounds.

    Raises:
        LandbridgeError: LB-2004 when it is not.
    """
    names = [dataset.name for dataset in catalogue.datasets]
    if catalogue.agency != agency:
        problem = "it is of another agency"
    elif len(names) > _MAX_DATASETS:
        problem = f"it has more than {_MAX_DATASETS} datasets"
    elif len(set(names)) < len(names):
        problem = "two datasets have the same name"
    else:
        problem = next(filter(None, map(_problem_of, catalogue.datasets)), "")
    if problem:
        raise refuse(Reason.SOURCE_FAILED, f"its catalogue is not sound: {problem}")


def _problem_of(dataset: catalogue_pb2.Dataset) -> str:
    if len(dataset.fields) > _MAX_FIELDS:
        return f"a dataset has more than {_MAX_FIELDS} fields"
    if len(dataset.keys) > _MAX_KEYS:
        return f"a dataset has more than {_MAX_KEYS} keys"
    names = [dataset.name, *(key.scheme for key in dataset.keys)]
    for field in dataset.fields:
        names += field.name, field.scheme
    if any(len(name) > _MAX_NAME for name in names):
        return f"a name has more than {_MAX_NAME} characters"
    return ""
