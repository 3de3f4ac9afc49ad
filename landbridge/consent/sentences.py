"""Documents on consent in sentences, for the person, the desk and whoever checks them."""

from collections.abc import Iterator

from landbridge.consent.record import RecordDocument


def sentences(record: RecordDocument) -> Iterator[str]:
    """Say what a consent record allows, to whom, for how long, and who vouches for it."""
    given, processing = record.given, record.pii_processing
    yield f"Consent record {record.consent_record.record_id}."
    yield (
        f"The person {record.subject} lets {record.requester} see, for the purpose"
        f" {processing.purpose}: {', '.join(processing.pii_information)}."
    )
    yield f"From {given.valid_from} until {given.valid_until}. Given on {given.event_time}."
    if record.consent_record.pii_principal_key is None:
        yield f"Signed by the consent desk {record.desk}."
    else:
        yield (
            f"Signed with the person's own key {given.entity_id}, of which the consent desk"
            f" {record.desk} says whose it is."
        )
    yield f"What the person was told: {processing.privacy_notice}"
    yield f"How to revoke: {processing.withdrawal_method}"
