"""Who may call: the certificate, its agency and its role, held against the trust of this moment."""

from landbridge.agency import Identity, Role
from landbridge.clock import Clock, system_clock
from landbridge.errors import Reason, refuse
from landbridge.rpc.standing import Standing, standing
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import Trust, TrustStore

_REMEMBERED = 1024


class Admission:
    """Checks callers by the certificate that TLS has shown. Used on one event loop.

    What does not depend on the time is remembered for as long as the trust is the same.
    """

    def __init__(self, store: TrustStore, *, clock: Clock = system_clock) -> None:
        self._store = store
        self._clock = clock
        self._trust: Trust | None = None
        self._accepted: dict[bytes, Standing] = {}

    def check(self, pem: bytes, roles: frozenset[Role]) -> Identity:
        """Return who holds this certificate, if it may call what these roles may call, now.

        Raises:
            LandbridgeError: LB-4006 and LB-4018 to LB-4020 for the certificate; LB-4005 when the
                agency or its role may not call this.
        """
        trust = self._store.current
        if trust is not self._trust:
            self._trust, self._accepted = trust, {}
        held = self._accepted.get(pem)
        if held is None:
            held = standing(pem, trust)
            _check_member(held.leaf.identity, trust.bundle)
            if len(self._accepted) >= _REMEMBERED:
                self._accepted.clear()
            self._accepted[pem] = held
        held.check_time(self._clock())
        identity = held.leaf.identity
        if identity.role not in roles:
            raise refuse(
                Reason.CALLER_REFUSED,
                f"this rpc may be called by {' or '.join(sorted(roles)) or 'nobody'},"
                f" and {identity.uri} is a {identity.role}",
            )
        return identity


def _check_member(identity: Identity, bundle: TrustBundle) -> None:
    member = bundle.members.get(identity.agency)
    if member is None or identity.role not in member.roles:
        raise refuse(
            Reason.CALLER_REFUSED,
            f"{identity.uri} is not in trust bundle {bundle.number} of {bundle.federation}",
        )
    if member.suspended:
        raise refuse(Reason.CALLER_REFUSED, f"the agency {identity.agency} is suspended")
