/**
 * A key holds one line per row: `event created seq packed`. The first is the newest row whose time has come, the others lie ahead; a read takes the
 * newest that is due. So the comparison and the write are one step in Redis, and a read is a plain GET.
 *
 * ARGV: now (us), keep (ms, 0 for ever), then event, created, seq and packed of each key. Returns how many keys are new.
 * Lua's numbers are doubles, exact for microseconds until the year 2255.
 */
export const WRITE_ROWS = `
local now, keep = tonumber(ARGV[1]), tonumber(ARGV[2])
local function parse(line)
  local e, c, s = string.match(line, '^(%-?%d+) (%-?%d+) (%d+) ')
  return { e = tonumber(e), c = tonumber(c), s = tonumber(s), line = line }
end
local function newer(a, b)
  if a.e ~= b.e then return a.e > b.e end
  if a.c ~= b.c then return a.c > b.c end
  return a.s > b.s
end
local fresh = 0
for i = 1, #KEYS do
  local at = 3 + (i - 1) * 4
  local row = { e = tonumber(ARGV[at]), c = tonumber(ARGV[at + 1]), s = tonumber(ARGV[at + 2]) }
  row.line = ARGV[at] .. ' ' .. ARGV[at + 1] .. ' ' .. ARGV[at + 2] .. ' ' .. ARGV[at + 3]
  local old = redis.call('GET', KEYS[i])
  local due, ahead, latest = nil, {}, row.e
  local function take(r)
    if r.e > latest then latest = r.e end
    if r.e <= now then
      if due == nil or newer(r, due) then due = r end
    elseif ahead[r.e] == nil or newer(r, ahead[r.e]) then
      ahead[r.e] = r
    end
  end
  if old then
    for line in string.gmatch(old, '[^\\n]+') do take(parse(line)) end
  else
    fresh = fresh + 1
  end
  take(row)
  local lines = {}
  if due then lines[1] = due.line end
  for _, r in pairs(ahead) do lines[#lines + 1] = r.line end
  local value = table.concat(lines, '\\n')
  if value ~= old then
    redis.call('SET', KEYS[i], value)
    if keep > 0 then redis.call('PEXPIREAT', KEYS[i], string.format('%.0f', math.floor(latest / 1000) + keep)) end
  end
end
return fresh`

/** Sets a state if nobody changed it since: the number before \`|\` counts its changes. ARGV: expected number, new value. Returns -1 when somebody did, else whether it is new. */
export const SET_STATE = `
local old = redis.call('GET', KEYS[1])
local version = old and tonumber(string.match(old, '^(%d+)|')) or 0
if version ~= tonumber(ARGV[1]) then return -1 end
redis.call('SET', KEYS[1], ARGV[2])
return old and 0 or 1`

/** ARGV: storage, seq, at. A watermark never goes back. */
export const SET_WATERMARK = `
local old = redis.call('HGET', KEYS[1], ARGV[1])
local seq = old and tonumber(string.match(old, '^(%d+) ')) or -1
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', math.max(seq, tonumber(ARGV[2]))) .. ' ' .. ARGV[3])`
