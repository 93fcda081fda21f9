"""The ETL library: the work that the three orchestrators run. It knows none of them."""
