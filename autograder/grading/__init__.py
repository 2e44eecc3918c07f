"""From the files that learners handed in to grades.

A `submission` is rebuilt on the release, run in the jail and judged; `referees` or a `cluster` do many at once, a
`batch` a whole class of the `classroom`; the `recorder` writes what came of it, `exports` carry it elsewhere.
"""
