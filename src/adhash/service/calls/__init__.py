"""What `adhash.service.client` is made of: the conversation, apart from who carries it out.

A method of the client is a generator of steps (`steps`): ask this, read a block, wait a moment. It
decides what to send, what an answer means and when to try again, and does no input or output. A
transport (`transports`) carries the steps out, blocking or under asyncio. So the two clients differ
in nothing but their waiting.
"""
