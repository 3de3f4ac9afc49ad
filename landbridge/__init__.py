"""Landbridge: federated data exchange between agencies, without a central copy of the data."""

import os

__version__ = "0.1.0"

# gRPC has no option to switch TLS 1.2 off, and reads its list of TLS 1.2 suites when it is
# imported; so the list is set here, before any of our modules can import gRPC. It holds one suite
# for RSA certificates alone: ours are EC without exception, so that no TLS 1.2 can be agreed.
# TLS 1.3 is not touched by it.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"
