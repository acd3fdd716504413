TEAS = ["assam"]
