"""Shared parts of load and fault tests of a service; they only connect to this machine."""
