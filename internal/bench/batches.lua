-- Likes by wrk, 500 in one request: users like posts of which a few get most of it (Zipf's law).
local requests, count, lines = {}, 100, 500

function init()
  math.randomseed(os.time())
  local posts, sums, sum = 50000, {}, 0
  for k = 1, posts do
    sum = sum + 1 / k ^ 1.07
    sums[k] = sum
  end
  for i = 1, count do
    local body = {}
    for j = 1, lines do
      local x, low, high = math.random() * sum, 1, posts
      while low < high do
        local middle = math.floor((low + high) / 2)
        if sums[middle] < x then low = middle + 1 else high = middle end
      end
      body[j] = '{"postId":"wrk-' .. low .. '","userId":"u' .. math.random(1, 5000000) .. '","action":"like"}\n'
    end
    requests[i] = wrk.format("POST", "/likes", { ["Content-Type"] = "application/x-ndjson" }, table.concat(body))
  end
end

local next = 0

function request()
  next = next % count + 1
  return requests[next]
end
