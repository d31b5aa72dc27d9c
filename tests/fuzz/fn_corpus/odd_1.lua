function(a) goto l ::l:: return [==[
x]] ]==] end