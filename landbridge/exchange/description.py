"""What an agency publishes, as its description says it to strangers: datasets and their fields."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DescribedField:
    """A canonical field; `type` is a type of canonical values, such as `money`."""

    name: str
    type: str
    title: str = ""
    term: str = ""
    term_title: str = ""
    scheme: str = ""
    codes: tuple[str, ...] = ()
    """The values that a code can have."""
    several: bool = False
    """Whether one record may hold several values."""


@dataclass(frozen=True, slots=True)
class DescribedKey:
    """An identifier scheme by which a dataset can be asked."""

    scheme: str
    title: str
    covers_group: bool = False


@dataclass(frozen=True, slots=True)
class DescribedDataset:
    """A dataset; `as_of` is the day that it describes, ISO 8601, or empty."""

    name: str
    title: str
    subject_kind: str
    keys: tuple[DescribedKey, ...]
    fields: tuple[DescribedField, ...]
    as_of: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class DescribedAgency:
    """An agency of a federation, with what it publishes."""

    federation: str
    federation_title: str
    id: str
    name: str
    title: str
    """What it publishes, in one line."""
    datasets: tuple[DescribedDataset, ...]
