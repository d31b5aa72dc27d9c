function(a, b) local x, y = a / 2, b local o = {n = a} function o:add(k) self.n = self.n + k return self end return 
end