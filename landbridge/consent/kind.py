"""What statements on consent are called, and how one without its form is refused."""

from landbridge.errors import Reason
from landbridge.statement.form import What


def consent_document(name: str) -> What:
    """Name a kind of statement on consent; what does not have its form is refused with LB-4105."""
    return What(
        name,
        Reason.MALFORMED_CONSENT,
        "write it with `landbridge consent give`, `bind` or `revoke`",
    )
