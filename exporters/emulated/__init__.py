"""Boards that are not there: constructed trees of files as a Jetson's kernel shows them, still or moving, for the real readers to read."""
