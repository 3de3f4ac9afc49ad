"""The conformance kit: an agency's own node, tried against its own database before it joins."""
