"""The launcher: a small process of one thread that starts and watches everything the engine runs.

It is forked from often, so it stays small: standard library only, nothing of the rest of the engine. It is the parent
of all commands, adopts what they leave behind, and ends it all when the engine ends, however that happens.
"""
