import json

import cronium

try:
    cronium.output("x" * 1_048_576)
except cronium.OutputTooLargeError as error:
    print(json.dumps(error.code))
cronium.output("x" * 1_048_574)
