"""Consent of persons: records, bound keys and revocations, in the shape of ISO/IEC TS 27560."""
