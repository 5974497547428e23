print("lucency")
