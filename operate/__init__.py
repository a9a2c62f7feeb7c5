"""The operator's commands, for a stack that runs: `make ledger` and `make redrive`."""
