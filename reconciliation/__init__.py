"""Does the treasury agree with our books?"""
