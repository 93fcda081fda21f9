"""What the processes of an engine spend their CPU time on.

`sitecustomize.py` samples each of them from inside; `spent.py` adds up what they wrote; `record.py`
does both around a few trials.
"""
