"""From a chapter's page to what learners get: stubs and notebooks (`authoring`), the `kit` beside them, `pages` that ran.

Only what is made for readers and learners is here; nothing of it knows submissions or grades.
"""
