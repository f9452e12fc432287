-- Numbers the threads. Prints one line of JSON after a run, with times in milliseconds and the number of each kind of error.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end
