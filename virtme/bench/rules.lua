-- SPDX-License-Identifier: MIT
-- Requests of a list, each line a host, a target and the number of the server that
-- has to answer, one after the other; they are put together before the measurement
-- begins. A server that gets a request for the other one answers 500 (see
-- rules-servers.conf), which counts as a bad status. The result as in wrk.lua.
local requests = {}
local at = 0

init = function(args)
	for line in io.lines(args[1]) do
		local host, target, server = line:match("^(%S+)\t(%S+)\t(%d)$")
		requests[#requests + 1] = "GET " .. target .. " HTTP/1.1\r\nHost: " .. host ..
			"\r\nWant: " .. server .. "\r\n\r\n"
	end
end

request = function()
	at = at % #requests + 1
	return requests[at]
end

done = function(summary, latency)
	local e = summary.errors
	io.write(string.format("result %d %d %d %d\n", summary.requests, summary.duration,
		e.connect + e.read + e.write + e.timeout, e.status))
end
