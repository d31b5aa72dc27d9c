-- expect: blocked-error; info-leak; the conversion behind flags and a doubled percent sign
return ("%%%d%-20p"):format(1, {})
