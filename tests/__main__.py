"""`python -m tests`: pytest, ended with its true exit code although tests used Temporal clients in this process."""

import sys

import pytest

from engine.servers.leave import leave

if __name__ == "__main__":
    leave(int(pytest.main(sys.argv[1:])))
