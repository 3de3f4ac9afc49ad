"""For all tests."""

# Before any test imports gRPC: the package sets which TLS suites gRPC may use.
import landbridge  # noqa: F401
