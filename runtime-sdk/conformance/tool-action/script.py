import json

import cronium

result = cronium.tool_action("echo", {"text": "ü }", "list": [1, {"a": None}]})
nothing = cronium.tool_action("echo")
try:
    cronium.tool_action("make coffee")
except cronium.UnknownActionError as error:
    print(json.dumps([result, nothing, error.code]))
