-- Requests a random line of the file BENCH_PATHS, with the header BENCH_HEADER. All lines have one width.
dofile("report.lua")

-- One string instead of a table. Garbage collection of a million entries would pause the client and distort the result.
local paths, width, lines, tail = "", 0, 0, ""

function init()
  math.randomseed(os.time() * 10 + number)
  paths = io.open(os.getenv("BENCH_PATHS")):read("*a")
  width = paths:find("\n", 1, true)
  lines = #paths / width
  tail = " HTTP/1.1\r\nHost: 127.0.0.1\r\n" .. os.getenv("BENCH_HEADER") .. "\r\n\r\n"
end

-- Without wrk.format, which processes all headers for each request, on the cores that the server needs.
function request()
  local start = (math.random(lines) - 1) * width + 1
  return "GET " .. paths:sub(start, paths:find(" ", start, true) - 1) .. tail
end
