"""The uploader: delivers sealed recordings under a lease, fetches receipts, and erases nothing."""
