"""The ETL library: the work that the three orchestrators run. It knows none of them."""

RELEASE = ""  # what a deployed copy calls itself; the journal then says which one a step ran
