import json

import cronium

cronium.set_variable("TEXT", "first")
version = cronium.set_variable("TEXT", 'a "b"\n\tü')
cronium.set_variable("DATA", {"deep": [1, None]})
cronium.delete_variable("OLD")
cronium.delete_variable("OLD")
data = json.dumps(cronium.get_variable("DATA"), separators=(",", ":"))
print(
    json.dumps([cronium.get_variable("TEXT"), data, version, cronium.get_variable("OLD", "gone")])
)
