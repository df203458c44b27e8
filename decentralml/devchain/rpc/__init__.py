"""JSON-RPC for the embedded chain: methods (:mod:`.handlers`) and a server (:mod:`.server`)."""
