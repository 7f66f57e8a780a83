"""What each kind of scheduler must be told, one module a kind.

An adapter only says what stands in manifests. What it cannot say, it states in the receipt.
"""
