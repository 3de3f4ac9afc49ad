"""Every reason code, with what it means and what to do next.

The codes are those of `protos/landbridge/v1/reason.proto`; a test holds the two against each other.
`landbridge explain LB-3004` prints an entry.
"""

from dataclasses import dataclass
from enum import IntEnum


class Reason(IntEnum):
    """Why something was answered, refused or not to be had."""

    ANSWERED = 1
    NO_RECORD = 2
    SEALED = 3
    EXPIRED = 4
    MALFORMED_REQUEST = 1001
    UNKNOWN_SCHEME = 1002
    MALFORMED_IDENTIFIER = 1003
    WRONG_CHECK_DIGIT = 1004
    UNKNOWN_PURPOSE = 1005
    UNKNOWN_DATASET = 1006
    UNKNOWN_FIELD = 1007
    TOO_MANY_RECORDS = 1008
    BAD_ARGUMENT = 1009
    INVALID_CONFIGURATION = 1101
    MISSING_TABLE = 1102
    MISSING_COLUMN = 1103
    DATABASE_UNREACHABLE = 1104
    UNREADABLE_FILE = 1105
    USAGE = 1106
    UNREACHABLE = 2001
    LATE = 2002
    BUSY = 2003
    SOURCE_FAILED = 2004
    NOT_ADDRESSABLE = 2005
    TOO_MANY_LINKS = 2006
    NOT_COVERED = 3001
    REQUESTER_NOT_COVERED = 3002
    PURPOSE_NOT_COVERED = 3003
    FIELD_NOT_COVERED = 3004
    SUBJECT_KIND_NOT_COVERED = 3005
    NOT_IN_FORCE = 3006
    UNPROVEN_ALIAS = 3007
    STALE_REVOCATION = 3008
    QUOTA_SPENT = 3009
    SEALING_REQUIRED = 3010
    CONSENT_MISSING = 3011
    CONSENT_REFUSED = 3012
    CONSENT_REVOKED = 3013
    BULK_REFUSED = 3014
    BAD_SIGNATURE = 4001
    UNTRUSTED_KEY = 4002
    STALE_QUERY = 4003
    REPLAYED_QUERY = 4004
    CALLER_REFUSED = 4005
    CERTIFICATE_REFUSED = 4006
    MISMATCHED_ANSWER = 4007
    BAD_LOG_EVIDENCE = 4008
    OVERSIZED_ANSWER = 4009
    BAD_TRUST_BUNDLE = 4010
    KEY_EXPOSED = 4011
    BAD_REVOCATION_LIST = 4012
    BAD_SIGNING_REQUEST = 4013
    INVITATION_REFUSED = 4014
    NOT_APPROVED = 4015
    GATE_CLOSED = 4016
    BAD_CREDENTIAL = 4017
    CERTIFICATE_REVOKED = 4018
    CERTIFICATE_EXPIRED = 4019
    ISSUER_REFUSED = 4020
    MALFORMED_MEMORANDUM = 4101
    SIGNERS_NOT_PARTIES = 4102
    NOT_A_SUCCESSOR = 4103
    MALFORMED_NOTICE = 4104
    MALFORMED_CONSENT = 4105
    NOT_IMPORTABLE = 4106
    MALFORMED_CASE = 4107
    NOT_THE_SUBJECT = 4108
    NO_SUCH_RECORD = 4109
    CASE_CONFLICT = 4110
    STEP_REFUSED = 4111
    STATEMENT_REFUSED = 4112
    PROFILE_ALTERED = 4201
    SEAL_BROKEN = 4202
    PROFILE_SUPERSEDED = 4203
    BAD_STATUS_LIST = 4204
    ACCESS_HIDDEN = 4301
    LOG_FORKED = 4302
    LOG_UNAVAILABLE = 5001
    LOG_DAMAGED = 5002
    LOG_ROLLED_BACK = 5003

    @property
    def code(self) -> str:
        """The code as users meet it."""
        return f"LB-{self.value:04d}"

    @property
    def is_refusal(self) -> bool:
        """Whether policy refused, as opposed to a failure."""
        return 3000 <= self.value < 4000 and self is not Reason.UNPROVEN_ALIAS  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reason means, what to do next, and the gRPC status that carries it."""

    meaning: str
    next_step: str
    status: str


REASONS: dict[Reason, Explanation] = {
    Reason.ANSWERED: Explanation(
        "The source answered with at least one record.",
        "Nothing to do.",
        "OK",
    ),
    Reason.NO_RECORD: Explanation(
        "The source looked and holds no record of the subject.",
        "Nothing to do: the source was asked and holds nothing on this subject.",
        "OK",
    ),
    Reason.SEALED: Explanation(
        "The source answered, and only the requester can read what.",
        "Open the profile with the key to which it is sealed: `landbridge profile` does so by itself.",
        "OK",
    ),
    Reason.EXPIRED: Explanation(
        "Records of the subject are past their term, and are not read.",
        "Nothing to do: what is past its term is not given any more, to anybody.",
        "OK",
    ),
    Reason.MALFORMED_REQUEST: Explanation(
        "The request is not well formed.",
        "Correct the request as the message says and send it again.",
        "INVALID_ARGUMENT",
    ),
    Reason.UNKNOWN_SCHEME: Explanation(
        "The identifier scheme is not one of the federation's.",
        "Use one of the identifier schemes in federation.toml.",
        "INVALID_ARGUMENT",
    ),
    Reason.MALFORMED_IDENTIFIER: Explanation(
        "The identifier does not have the form of its scheme.",
        "Write the identifier in one of its scheme's forms.",
        "INVALID_ARGUMENT",
    ),
    Reason.WRONG_CHECK_DIGIT: Explanation(
        "The identifier's check digit is wrong.",
        "Look the identifier up again: a digit is mistyped.",
        "INVALID_ARGUMENT",
    ),
    Reason.UNKNOWN_PURPOSE: Explanation(
        "The purpose is not one of the federation's.",
        "Use one of the purposes in federation.toml.",
        "INVALID_ARGUMENT",
    ),
    Reason.UNKNOWN_DATASET: Explanation(
        "The dataset is not published by that agency.",
        "See the agency's datasets in the gateway's directory.",
        "INVALID_ARGUMENT",
    ),
    Reason.UNKNOWN_FIELD: Explanation(
        "A wanted field is not published in that dataset.",
        "See the dataset's fields in the gateway's directory.",
        "INVALID_ARGUMENT",
    ),
    Reason.TOO_MANY_RECORDS: Explanation(
        "The answer holds more records than one answer may carry.",
        "Ask with a more exact identifier, or for fewer datasets.",
        "RESOURCE_EXHAUSTED",
    ),
    Reason.BAD_ARGUMENT: Explanation(
        "A predicate's argument is missing, or is not one that the clause allows.",
        "Give each argument that the predicate asks for: `landbridge memo explain` names them.",
        "INVALID_ARGUMENT",
    ),
    Reason.INVALID_CONFIGURATION: Explanation(
        "A configuration file does not have its required form.",
        "Correct the file at the place that the message names.",
        "INVALID_ARGUMENT",
    ),
    Reason.MISSING_TABLE: Explanation(
        "A configured table is not in the database.",
        "Name a table that the database holds, or create it; `landbridge node check` lists what was found.",
        "INVALID_ARGUMENT",
    ),
    Reason.MISSING_COLUMN: Explanation(
        "A configured column is not in its table or file.",
        "Name a column that the table holds; `landbridge node check` lists what was found.",
        "INVALID_ARGUMENT",
    ),
    Reason.DATABASE_UNREACHABLE: Explanation(
        "The configured database cannot be reached.",
        "Check the URL and that the database is running, then `landbridge node check`.",
        "INVALID_ARGUMENT",
    ),
    Reason.UNREADABLE_FILE: Explanation(
        "A native file does not have the form that the configuration describes.",
        "Correct the file's description in node.toml (encoding, header line, delimiter), or the file.",
        "INVALID_ARGUMENT",
    ),
    Reason.USAGE: Explanation(
        "A command was called with arguments that do not fit.",
        "See `landbridge --help`.",
        "INVALID_ARGUMENT",
    ),
    Reason.UNREACHABLE: Explanation(
        "The source could not be reached.",
        "Check that the process is running and that the address is right, then ask again.",
        "UNAVAILABLE",
    ),
    Reason.LATE: Explanation(
        "The source did not answer before the deadline.",
        "Ask again with a longer deadline.",
        "DEADLINE_EXCEEDED",
    ),
    Reason.BUSY: Explanation(
        "The source has more work than it accepts.",
        "Ask again in a moment.",
        "UNAVAILABLE",
    ),
    Reason.SOURCE_FAILED: Explanation(
        "The source failed on its own side.",
        "Ask the source's operator: its own process log has the cause.",
        "INTERNAL",
    ),
    Reason.NOT_ADDRESSABLE: Explanation(
        "No identifier that the source understands is known for the subject.",
        "Ask by an identifier that the source understands.",
        "NOT_FOUND",
    ),
    Reason.TOO_MANY_LINKS: Explanation(
        "The identifier stands for more subjects than are followed in one query.",
        "Ask for one of the linked identifiers.",
        "FAILED_PRECONDITION",
    ),
    Reason.NOT_COVERED: Explanation(
        "No memorandum in force covers the request.",
        "The agencies would have to sign a memorandum; `landbridge memo explain` shows what is missing.",
        "PERMISSION_DENIED",
    ),
    Reason.REQUESTER_NOT_COVERED: Explanation(
        "The requester is not named for this dataset.",
        "The memorandum would have to name the requester.",
        "PERMISSION_DENIED",
    ),
    Reason.PURPOSE_NOT_COVERED: Explanation(
        "The purpose is not named for this requester and dataset.",
        "Ask for a purpose that the clause names, or have the memorandum amended.",
        "PERMISSION_DENIED",
    ),
    Reason.FIELD_NOT_COVERED: Explanation(
        "The field is not granted.",
        "Ask without the field, or have the memorandum amended.",
        "PERMISSION_DENIED",
    ),
    Reason.SUBJECT_KIND_NOT_COVERED: Explanation(
        "The subject kind is not granted.",
        "The memorandum would have to grant this kind of subject.",
        "PERMISSION_DENIED",
    ),
    Reason.NOT_IN_FORCE: Explanation(
        "The grant is not yet, or no longer, in force.",
        "Wait until the grant is in force, or have the memorandum renewed.",
        "PERMISSION_DENIED",
    ),
    Reason.UNPROVEN_ALIAS: Explanation(
        "An alias of the subject is not proven by links that the provider accepts.",
        "The provider would have to accept the dataset as a source of links, in a memorandum.",
        "FAILED_PRECONDITION",
    ),
    Reason.STALE_REVOCATION: Explanation(
        "Revocation data are too old, and the memorandum says to refuse then.",
        "The node or gateway has lost touch with the federation's authority; it goes on by itself when that is back.",
        "PERMISSION_DENIED",
    ),
    Reason.QUOTA_SPENT: Explanation(
        "The clause has answered as many queries as it allows in this time.",
        "Ask again in the next hour, day, week, month or year, as the clause counts, or agree on another quota.",
        "RESOURCE_EXHAUSTED",
    ),
    Reason.SEALING_REQUIRED: Explanation(
        "The clause releases only to a query that names a key to seal to.",
        "Ask with `landbridge profile --sealed`.",
        "PERMISSION_DENIED",
    ),
    Reason.CONSENT_MISSING: Explanation(
        "Records on a person need that person's consent, and none is shown.",
        "Ask the person for a consent record and give it with --consent FILE.",
        "PERMISSION_DENIED",
    ),
    Reason.CONSENT_REFUSED: Explanation(
        "The consent that is shown does not cover this query.",
        "See with `landbridge consent show FILE` whom, what and which time it is for, and who signed it.",
        "PERMISSION_DENIED",
    ),
    Reason.CONSENT_REVOKED: Explanation(
        "The person has revoked the consent.",
        "Respect it: ask the person for a new consent if the case still needs one.",
        "PERMISSION_DENIED",
    ),
    Reason.BULK_REFUSED: Explanation(
        "Persons are asked about one at a time.",
        "Sign and send each query about a person by itself.",
        "PERMISSION_DENIED",
    ),
    Reason.BAD_SIGNATURE: Explanation(
        "The signature does not verify.",
        "Sign the exact bytes again; do not change anything after signing.",
        "PERMISSION_DENIED",
    ),
    Reason.UNTRUSTED_KEY: Explanation(
        "The signing key is not in the trust bundle, or not for this use or time.",
        "Use a key that the present trust bundle names for this use.",
        "PERMISSION_DENIED",
    ),
    Reason.STALE_QUERY: Explanation(
        "The query is past its expiry, issued in the future, or lives too long.",
        "Sign the query anew, with a right clock.",
        "FAILED_PRECONDITION",
    ),
    Reason.REPLAYED_QUERY: Explanation(
        "The query was already answered at this step.",
        "Sign the query anew: each one is answered once.",
        "ALREADY_EXISTS",
    ),
    Reason.CALLER_REFUSED: Explanation(
        "The caller's certificate does not carry an identity that may call this.",
        "Call with a certificate of the role that this rpc names.",
        "PERMISSION_DENIED",
    ),
    Reason.CERTIFICATE_REFUSED: Explanation(
        "The certificate's form, age or TLS version is not accepted.",
        "Have the certificate issued anew by the federation.",
        "PERMISSION_DENIED",
    ),
    Reason.MISMATCHED_ANSWER: Explanation(
        "The answer is for another query, step or agency.",
        "The source answers wrongly; tell its operator, and treat its answers with care.",
        "PERMISSION_DENIED",
    ),
    Reason.BAD_LOG_EVIDENCE: Explanation(
        "The log evidence does not lead to the signed head.",
        "The source's log does not hold what it says; tell its operator and the federation's auditor.",
        "PERMISSION_DENIED",
    ),
    Reason.OVERSIZED_ANSWER: Explanation(
        "The answer is larger than allowed, or holds what was not asked.",
        "The source sent more than was asked; tell its operator.",
        "PERMISSION_DENIED",
    ),
    Reason.BAD_TRUST_BUNDLE: Explanation(
        "The trust bundle is not acceptable.",
        "Fetch the federation's present trust bundle.",
        "PERMISSION_DENIED",
    ),
    Reason.KEY_EXPOSED: Explanation(
        "A private key file is readable by others.",
        "chmod 600 the file; if others may have read it, replace the key.",
        "PERMISSION_DENIED",
    ),
    Reason.BAD_REVOCATION_LIST: Explanation(
        "The revocation list is not acceptable.",
        "Nothing is lost: the list in use stays; fetch the present list from the federation's authority.",
        "PERMISSION_DENIED",
    ),
    Reason.BAD_SIGNING_REQUEST: Explanation(
        "The certificate signing request is not acceptable.",
        "Make a new P-256 key and request; `landbridge cert renew` and `landbridge cert enrol` do.",
        "INVALID_ARGUMENT",
    ),
    Reason.INVITATION_REFUSED: Explanation(
        "The invitation is unknown, used, expired or not for this.",
        "Ask the federation's operator for a new invitation.",
        "PERMISSION_DENIED",
    ),
    Reason.NOT_APPROVED: Explanation(
        "The act lacks the administrators that it needs, or does not fit the present state.",
        "See `landbridge cert status`, then have the administrators sign the act as it now stands.",
        "PERMISSION_DENIED",
    ),
    Reason.GATE_CLOSED: Explanation(
        "The step would lock somebody out or serve somebody removed.",
        "See in `landbridge cert status` who lags; wait for them, suspend them, or override with two administrators.",
        "FAILED_PRECONDITION",
    ),
    Reason.BAD_CREDENTIAL: Explanation(
        "The credential's key, chain and trust do not fit together.",
        "Nothing is lost: the credential in use stays; run `landbridge cert renew`.",
        "PERMISSION_DENIED",
    ),
    Reason.CERTIFICATE_REVOKED: Explanation(
        "The certificate is revoked.",
        "If that is a mistake, ask the federation's operator for an invitation and enrol again.",
        "PERMISSION_DENIED",
    ),
    Reason.CERTIFICATE_EXPIRED: Explanation(
        "The certificate is not valid at this time.",
        "Check the clock; then `landbridge cert renew`, or enrol again with an invitation.",
        "PERMISSION_DENIED",
    ),
    Reason.ISSUER_REFUSED: Explanation(
        "The certificate's issuer is not an authority in use.",
        "Fetch the present trust bundle and renew the certificate: `landbridge cert renew`.",
        "PERMISSION_DENIED",
    ),
    Reason.MALFORMED_MEMORANDUM: Explanation(
        "The memorandum does not have its required form.",
        "Correct the memorandum at the place that the message names; `landbridge memo lint` checks it.",
        "PERMISSION_DENIED",
    ),
    Reason.SIGNERS_NOT_PARTIES: Explanation(
        "Some party of the memorandum has not signed, or one signed twice or without being a party.",
        "Each party signs exactly once, and nobody else.",
        "PERMISSION_DENIED",
    ),
    Reason.NOT_A_SUCCESSOR: Explanation(
        "The memorandum does not follow the one that it amends.",
        "Amend it as the message says: one successor, with all parties, that begins within the time of the one before.",
        "FAILED_PRECONDITION",
    ),
    Reason.MALFORMED_NOTICE: Explanation(
        "The notice on a memorandum does not have its required form.",
        "Write it with `landbridge memo suspend`, `resume` or `terminate`.",
        "INVALID_ARGUMENT",
    ),
    Reason.MALFORMED_CONSENT: Explanation(
        "The consent record, or its revocation, does not have its required form.",
        "Write it with `landbridge consent give` or `landbridge consent revoke`.",
        "INVALID_ARGUMENT",
    ),
    Reason.NOT_IMPORTABLE: Explanation(
        "The document is not one that can be imported.",
        "Correct the document as the message says, or write the memorandum by hand.",
        "INVALID_ARGUMENT",
    ),
    Reason.MALFORMED_CASE: Explanation(
        "The document of a dispute, a repair or a correction does not have its required form.",
        "Write it with `landbridge dispute`, `landbridge repair` or `landbridge correction`.",
        "INVALID_ARGUMENT",
    ),
    Reason.NOT_THE_SUBJECT: Explanation(
        "Nobody whose word counts here says that the signer speaks for the subject.",
        "Go to a desk that the agency takes the word of, or have your key bound to the subject there.",
        "PERMISSION_DENIED",
    ),
    Reason.NO_SUCH_RECORD: Explanation(
        "The subject has no such record here.",
        "Name agency, dataset and record as the profile shows them.",
        "NOT_FOUND",
    ),
    Reason.CASE_CONFLICT: Explanation(
        "There is a case on this record already, or none of this name.",
        "Follow the case that is open: `landbridge dispute show` and `landbridge repair show` say how far it has come.",
        "FAILED_PRECONDITION",
    ),
    Reason.STEP_REFUSED: Explanation(
        "The step does not follow from how far the case has come, or its signer may not take it.",
        "Take the step that is next, signed by the agency or the subject whose turn it is.",
        "FAILED_PRECONDITION",
    ),
    Reason.STATEMENT_REFUSED: Explanation(
        "The statement is too long, is not plain text, or names others.",
        "Write at most 1,000 characters of plain text, without addresses or identifiers of other people.",
        "INVALID_ARGUMENT",
    ),
    Reason.PROFILE_ALTERED: Explanation(
        "The profile shown is not the profile that was signed.",
        "Do not rely on it; ask for the profile again.",
        "PERMISSION_DENIED",
    ),
    Reason.SEAL_BROKEN: Explanation(
        "The sealed answer cannot be opened, or holds something else than was signed.",
        "Open it with the key of the query that was asked; if that was used, tell the agency that sealed it.",
        "DATA_LOSS",
    ),
    Reason.PROFILE_SUPERSEDED: Explanation(
        "Something that the profile shows was corrected, withdrawn or repaired since.",
        "Do not rely on it any more; ask for the profile again.",
        "FAILED_PRECONDITION",
    ),
    Reason.BAD_STATUS_LIST: Explanation(
        "The status list is not acceptable, or too old.",
        "Fetch the list again; if that does not help, tell the agency that signed it.",
        "PERMISSION_DENIED",
    ),
    Reason.ACCESS_HIDDEN: Explanation(
        "A log lacks an access that others hold.",
        "Ask the owner of the log that the message names; the other log is the proof.",
        "DATA_LOSS",
    ),
    Reason.LOG_FORKED: Explanation(
        "A log shows different histories to different parties.",
        "Keep both heads: together they prove it. Tell the federation's administrators.",
        "FAILED_PRECONDITION",
    ),
    Reason.LOG_UNAVAILABLE: Explanation(
        "The log cannot be written, so nothing may be answered.",
        "Free space or repair the disk under the log; the service goes on by itself.",
        "UNAVAILABLE",
    ),
    Reason.LOG_DAMAGED: Explanation(
        "The log on disk does not continue the log that was signed.",
        "Restore the newest copy of the log, and tell the auditor.",
        "UNAVAILABLE",
    ),
    Reason.LOG_ROLLED_BACK: Explanation(
        "The log is older than what others have seen of it.",
        "Restore the newest copy of the log; nothing is answered until then. Tell the auditor.",
        "UNAVAILABLE",
    ),
}
