import cronium

cronium.output("first")
cronium.output({"second": 2})
