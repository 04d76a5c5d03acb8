"""The school's MQTT broker: Debian's Mosquitto with a configuration that keeps units apart and lets nobody else in.

`etc/` holds the files as they are installed, with `$names` where a school differs; `files` fills them in and adds
access lists and certificate; `command` is `backrow provision broker`. Nothing here starts or stops a broker.
"""
