print("sallyport-audit")
