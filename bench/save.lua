-- POSTs a new API key to the path in the file BENCH_PATHS, under a name that no other request of the run has.
dofile("report.lua")

local head, count = "", 0

function init()
  local path = io.lines(os.getenv("BENCH_PATHS"))():match("^%S+")
  head = "POST " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\n" .. os.getenv("BENCH_HEADER")
    .. "\r\nContent-Type: application/json\r\nContent-Length: "
end

function request()
  count = count + 1
  local body = '{"plugin":"openai","type":"api-key","name":"Key ' .. number .. "-" .. count
    .. '","fields":{"api_key":"sk-bench-0123456789abcdef0123456789abcdef"}}'
  return head .. #body .. "\r\n\r\n" .. body
end
