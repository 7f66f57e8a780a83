"""The launcher: a small process that starts and watches everything the engine runs.

It is the parent of all commands, adopts what they leave behind, and ends it all when the engine ends, however that
happens. Where it has to fork for a command, that costs what the process holds; so it imports little: nothing of the
rest of the engine, and neither dataclasses, nor typing, nor json.
"""
