import json

import cronium

names = [item["name"] for item in cronium.list_variables("JOB_")]
print(json.dumps([len(names), names[0] if names else None, names[-1] if names else None]))
