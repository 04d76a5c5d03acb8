"""What stands around unit and server: the command line, a school's keys, recovery, the demo.

It imports neither `device` nor `controller`: commands are loaded by name, the demo starts them as processes.
"""
