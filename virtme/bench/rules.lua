-- SPDX-License-Identifier: MIT
-- Requests of a list, each line a host, a target and the number of the server that
-- has to answer, one after the other; they are put together before the measurement
-- begins. With a second argument, every answer is held against that number, which
-- wants one connection: answers then come in the order of the requests. The result
-- as in wrk.lua, and the number of wrong answers.
local requests, want = {}, {}
local at, answered = 0, 0
wrong = 0

local threads = {}
setup = function(thread) table.insert(threads, thread) end

init = function(args)
	for line in io.lines(args[1]) do
		local host, target, server = line:match("^(%S+)\t(%S+)\t(%d)$")
		requests[#requests + 1] = "GET " .. target .. " HTTP/1.1\r\nHost: " .. host .. "\r\n\r\n"
		want[#want + 1] = server
	end
	if args[2] then
		answered = 1 -- wrk makes one request to look at and sends it nowhere
		response = function(status, headers, body)
			answered = answered % #requests + 1
			if body:sub(1, 1) ~= want[answered] then wrong = wrong + 1 end
		end
	end
end

request = function()
	at = at % #requests + 1
	return requests[at]
end

done = function(summary, latency)
	local e, bad = summary.errors, 0
	for _, t in ipairs(threads) do bad = bad + t:get("wrong") end
	io.write(string.format("result %d %d %d %d %d\n", summary.requests, summary.duration,
		e.connect + e.read + e.write + e.timeout, e.status, bad))
end
