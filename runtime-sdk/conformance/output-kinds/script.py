import cronium

cronium.output(cronium.input())
