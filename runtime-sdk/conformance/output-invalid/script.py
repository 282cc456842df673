import json

import cronium

circle = []
circle.append(circle)
codes = []
for value in (float("nan"), {1, 2}, circle):
    try:
        cronium.output(value)
    except cronium.InvalidJsonError as error:
        codes.append(error.code)
print(json.dumps(codes))
