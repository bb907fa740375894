"""The ranker as a service over HTTP, and the client of one."""
