import json

import cronium


def code(call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except cronium.VersionConflictError as error:
        return error.code


_, before = cronium.get_variable_with_version("N")
cronium.set_variable("N", 1, if_version=0)
again = code(cronium.set_variable, "N", 7, if_version=0)
value, version = cronium.get_variable_with_version("N")
cronium.set_variable("N", value + 1, if_version=version)
late = code(cronium.delete_variable, "N", if_version=version)
print(json.dumps([before, version, again, late, cronium.get_variable("N")]))
