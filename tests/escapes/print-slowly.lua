-- expect: blocked-error; output; one byte more than allowed
for i = 1, 64 do print(("x"):rep(1023)) end
print("x")
