"""Reference kernels, one module a chapter. The text between the solution markers never leaves this folder."""
