"""What the processes of an engine spend their CPU time on.

`inside/sitecustomize.py` samples each of them from inside; `spent.py` adds up what they wrote;
`profiled_runs.py` does both around a few runs.
"""
