-- SPDX-License-Identifier: MIT
-- One line for scripts at the end of a run; the requests themselves stay wrk's
-- own, because a Lua function a request would cost the client more than the
-- balancer costs. Times in microseconds.
done = function(summary, latency)
	local e = summary.errors
	io.write(string.format("result %d %d %d %d %d %d %d %d\n",
		summary.requests, summary.duration, summary.bytes,
		e.connect + e.read + e.write + e.timeout, e.status,
		latency:percentile(50), latency:percentile(99), latency.max))
end
