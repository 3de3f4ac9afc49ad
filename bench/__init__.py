"""Measures the whole job against a bare gRPC fan-out; `python -m bench throughput`."""
