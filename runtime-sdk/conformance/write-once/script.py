import cronium

cronium.set_variable("COUNT", 1)
print(cronium.get_variable_with_version("COUNT")[1])
