-- Likes by wrk: as fast as it goes, posts by Zipf's law.
--
--   wrk -t1 -c64 -d10s --latency -s likes.lua http://127.0.0.1:8080
--
-- The requests are made ahead, and said again when all have been sent: wrk has no time to make them up. What it calls latency is
-- that of a closed loop. Whether each like counts, `tiffin load likes` verifies.
local requests, count = {}, 20000

function init()
  math.randomseed(os.time())
  local posts, sums, sum = 50000, {}, 0
  for k = 1, posts do -- the kth post gets 1/k^1.07 of what the first one gets
    sum = sum + 1 / k ^ 1.07
    sums[k] = sum
  end
  for i = 1, count do
    local x, low, high = math.random() * sum, 1, posts
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < x then low = middle + 1 else high = middle end
    end
    requests[i] = wrk.format("POST", "/posts/wrk-" .. low .. "/likes", { ["Content-Type"] = "application/json" },
      '{"userId":"u' .. math.random(1, 5000000) .. '"}')
  end
end

local next = 0

function request()
  next = next % count + 1
  return requests[next]
end
