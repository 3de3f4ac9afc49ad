"""The names of the authority's rpcs, and who may call each; a gateway needs no more of it."""

from typing import Final

from landbridge.agency import Role

AUTHORITY_SERVICE: Final = "landbridge.v1.AuthorityService"
ENROLMENT_SERVICE: Final = "landbridge.v1.EnrolmentService"
_EVERYBODY: Final = frozenset(Role)
_OF_ADMINS: Final = frozenset({Role.ADMIN, Role.GATEWAY})
_OF_ADMINS_AT_A_GATEWAY: Final = frozenset({Role.ADMIN})
_FOR_ALL: Final = ("Renew", "Acknowledge", "ReplaceKey", "GetTrust", "WatchTrust")
_FOR_ADMINS: Final = ("Submit", "GetStanding")
_FOR_NEWCOMERS: Final = ("Enrol", "Apply")
PERMITTED: Final = {
    **{f"/{AUTHORITY_SERVICE}/{name}": _EVERYBODY for name in _FOR_ALL},
    **{f"/{AUTHORITY_SERVICE}/{name}": _OF_ADMINS for name in _FOR_ADMINS},
    **{f"/{ENROLMENT_SERVICE}/{name}": frozenset({Role.GATEWAY}) for name in _FOR_NEWCOMERS},
}
"""Who may call the authority itself; newcomers come by a gateway's second port."""
PERMITTED_AT_GATEWAY: Final = {
    **{f"/{AUTHORITY_SERVICE}/{name}": _EVERYBODY for name in _FOR_ALL},
    **{f"/{AUTHORITY_SERVICE}/{name}": _OF_ADMINS_AT_A_GATEWAY for name in _FOR_ADMINS},
}
"""Who may call a gateway for the authority; it passes on as one who may do what it allows."""
