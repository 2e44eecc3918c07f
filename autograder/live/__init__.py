"""The live page: exercises and cells of the book that run in the reader's own browser.

`runtime` gets Python for the browser, `bundle` what else is made at build time, `pages` puts both into the book, `lite`
the whole notebooks; `session` and `figures` are what runs there, with the learner's kit. The page's own scripts stand in
`static/`.
"""
