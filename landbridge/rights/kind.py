"""What statements on the subjects' rights are called, and how one without its form is refused."""

from landbridge.errors import Reason
from landbridge.statement.form import What


def rights_document(name: str) -> What:
    """Name a kind of statement; what does not have its form is refused with LB-4107."""
    return What(
        name,
        Reason.MALFORMED_CASE,
        "write it with `landbridge subject`, `dispute`, `repair` or `correction`",
    )
