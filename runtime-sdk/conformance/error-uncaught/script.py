import cronium

cronium.output("never stored")
