"""What each command can be asked for: one pydantic model a command, and nothing else.

The command line makes its options from these models, the Python functions check their keyword
arguments with them, and the request of a job is one of them with the fields of a job added. So a
command has one list of options, with one default, range and meaning each.
"""
