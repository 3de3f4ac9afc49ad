"""The federation's public key infrastructure: root, issuing CA, leaves and the trust bundle."""
