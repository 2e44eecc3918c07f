"""Why a kernel is wrong, as far as its answers tell. `explain` climbs; `relations`, `as_if` and `conditions` are its steps."""
