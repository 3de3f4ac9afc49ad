"""The only shared code that knows gRPC."""

import os

# gRPC has no option to switch TLS 1.2 off. This list holds one TLS 1.2 suite, for RSA certificates
# alone; ours are EC without exception, so that no TLS 1.2 suite can ever be agreed. The list does
# not touch TLS 1.3. gRPC reads it once, before its first handshake.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-RSA-AES256-GCM-SHA384"
