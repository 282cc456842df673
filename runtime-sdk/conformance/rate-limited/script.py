import cronium

cronium.set_variable("A", 7)
print(cronium.get_variable("A"))
