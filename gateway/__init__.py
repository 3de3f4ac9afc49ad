"""The gateway: plans, fans out, verifies and assembles profiles."""
