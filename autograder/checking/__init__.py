"""Whether a kernel is right, and what is wrong with it if not: the same checks in a notebook, in the page and in grading.

`run` runs a chapter's checks on a `subject`, which calls the kernel; an `oracle` knows the right answers; `diagnosis`
finds the cause of a wrong one. `instant` does all that for a learner at once, `alone` for a notebook on a disk.
"""
