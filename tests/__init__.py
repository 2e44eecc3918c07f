"""Tests of the project itself; what a correct kernel does is tested in autograder/checks."""
