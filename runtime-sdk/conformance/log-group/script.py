import cronium

try:
    with cronium.log_group("Load\nthe data"):
        print("row 1")
        raise ValueError("bad row")
except ValueError:
    print("after")
