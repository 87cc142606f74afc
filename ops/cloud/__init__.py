"""AWS by boto3 and nothing else: typed functions on a `Cloud`, frozen values as answers.

Nothing in here decides, and nothing reads a clock but what waits. boto3 is imported when a
`Cloud` makes its first client, not before.
"""
