"""The contract that unit, controller and provisioning share and none owns.

Formats, signatures, certificates and topics, strictly written and strictly read, over the standard library and
`cryptography` alone. Nothing here knows a camera, a database or a page. Defined in docs/protocol/.
"""
