"""The only shared code that knows gRPC."""
