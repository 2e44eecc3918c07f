"""A plugin of pytest, `-p tests.cold`: workers start cold, as where none can be forked from one that stands ready."""

from autograder.jail import session

session._starts_warm = False
