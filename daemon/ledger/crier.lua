#!lua name=crier
-- Every write of crierd that must be atomic or fenced. Loaded at each connection; docs/redis.md describes the keys.
--
-- Fence: a broadcast's fence key holds "epoch op". A daemon of an older epoch is refused, so that two daemons never
-- write one broadcast. Bytes are absolute, so a repeated call changes nothing; only the trail is appended, and the
-- number of the operation, which grows, says whether that was done.

local function fenced()
  return redis.error_reply('FENCED a newer daemon has taken over')
end

local function emptied()
  return redis.error_reply('EMPTIED the epoch is gone: the store was emptied')
end

-- The last operation of this epoch, or nil when the epoch is over.
local function last_operation(key, epoch)
  local seen = redis.call('GET', key)
  if not seen then return 0 end
  local seen_epoch, operation = seen:match('^(%d+) (%d+)$')
  if tonumber(seen_epoch) > epoch then return nil end
  if tonumber(seen_epoch) < epoch then return 0 end
  return tonumber(operation)
end

-- KEYS fence; ARGV epoch. Takes a broadcast over.
local function crier_take(keys, args)
  local epoch = tonumber(args[1])
  local last = last_operation(keys[1], epoch)
  if not last then return fenced() end
  if last == 0 then redis.call('SET', keys[1], epoch .. ' 0') end
  return 1
end

-- What is billed of a call: field -> sum.
local function sum_up(sums, bill)
  local channel, parts, price = bill:match('^(%l+) (%d+) (%d+)$')
  sums[channel .. ':parts'] = (sums[channel .. ':parts'] or 0) + parts
  if price ~= '0' then sums[channel .. ':price'] = (sums[channel .. ':price'] or 0) + price end
end

-- What dispatch writes. KEYS fence, bill, then of each block: status chunk, leases, trail chunk, ids. ARGV epoch, number of the last
-- block, until when ids are kept (seconds), then of each: offset, status bytes, lease, what becomes of it ("" nothing, "end", or
-- "put"), lease record, trail record, ids, what is billed ("" or channel, parts, price).
local function crier_write(keys, args)
  local epoch, operation, blocks = tonumber(args[1]), tonumber(args[2]), (#keys - 2) / 4
  local last = last_operation(keys[1], epoch)
  if not last then return fenced() end
  local billed = {}
  for i = 0, blocks - 1 do
    local key, arg = 4 * i + 2, 8 * i + 3
    if #args[arg + 2] > 0 then redis.call('SETRANGE', keys[key + 1], args[arg + 1], args[arg + 2]) end
    if args[arg + 4] == 'put' then
      redis.call('HSET', keys[key + 2], args[arg + 3], args[arg + 5])
    elseif args[arg + 4] == 'end' then
      redis.call('HDEL', keys[key + 2], args[arg + 3])
    end
    if operation - blocks + 1 + i > last then
      if #args[arg + 6] > 0 then redis.call('APPEND', keys[key + 3], args[arg + 6]) end
      if #args[arg + 7] > 0 then
        redis.call('APPEND', keys[key + 4], args[arg + 7])
        redis.call('EXPIREAT', keys[key + 4], args[3])
      end
      if #args[arg + 8] > 0 then sum_up(billed, args[arg + 8]) end
    end
  end
  for field, sum in pairs(billed) do redis.call('HINCRBY', keys[2], field, string.format('%.0f', sum)) end
  if operation > last then redis.call('SET', keys[1], epoch .. ' ' .. operation) end
  return 1
end

-- KEYS fence, value; ARGV epoch, bytes. A broadcast's document or audience.
local function crier_put(keys, args)
  if not last_operation(keys[1], tonumber(args[1])) then return fenced() end
  redis.call('SET', keys[2], args[2])
  return 1
end

local function epoch_is(key, epoch)
  return redis.call('GET', key) == epoch
end

-- KEYS epoch, counter; ARGV epoch, number. The newest broadcast's number.
local function crier_number(keys, args)
  if not epoch_is(keys[1], args[1]) then return fenced() end
  if tonumber(args[2]) > tonumber(redis.call('GET', keys[2]) or 0) then redis.call('SET', keys[2], args[2]) end
  return 1
end

-- KEYS epoch, hash; ARGV epoch, field, value ("" deletes).
local function crier_document(keys, args)
  if not epoch_is(keys[1], args[1]) then return fenced() end
  if #args[3] > 0 then
    redis.call('HSET', keys[2], args[2], args[3])
  else
    redis.call('HDEL', keys[2], args[2])
  end
  return 1
end

-- KEYS epoch, stream; ARGV epoch, number, line, hash. A number that is there already is kept as it is.
local function crier_audit(keys, args)
  if not epoch_is(keys[1], args[1]) then return fenced() end
  local newest = redis.call('XREVRANGE', keys[2], '+', '-', 'COUNT', 1)
  local last = newest[1] and tonumber(newest[1][1]:match('^%d+')) or 0
  if tonumber(args[2]) > last then
    redis.call('XADD', keys[2], args[2] .. '-0', 'line', args[3], 'hash', args[4])
  end
  return 1
end

local function holder_of(key)
  return (redis.call('GET', key) or ''):match('^%d+ (.*)$')
end

local function hold(key, epoch, name, milliseconds)
  redis.call('SET', key, epoch .. ' ' .. name, 'PX', milliseconds)
end

-- KEYS epoch, active; ARGV name, milliseconds. The next epoch, with a lease on being the active daemon ("epoch name"); or
-- the name of another one that holds it. Whoever comes under the holder's own name is the same daemon again.
local function crier_claim(keys, args)
  local holder = holder_of(keys[2])
  if holder and holder ~= args[1] then return holder end
  local epoch = redis.call('INCR', keys[1])
  hold(keys[2], epoch, args[1], args[2])
  return epoch
end

-- KEYS epoch, mark, active; ARGV epoch, number, name, milliseconds (0: the lease is left as it is). The last command of a
-- pipeline: where the mark is stored, all that was sent before it is.
local function crier_mark(keys, args)
  local epoch = redis.call('GET', keys[1])
  if not epoch then return emptied() end
  if epoch ~= args[1] then return fenced() end
  redis.call('SET', keys[2], epoch .. ' ' .. args[2])
  if tonumber(args[4]) > 0 then hold(keys[3], epoch, args[3], args[4]) end
  return 1
end

-- KEYS epoch, mark, active; ARGV epoch, name, milliseconds. On a new connection: the number of the newest mark of this
-- epoch. A store that has forgotten the epoch itself, but not that there was one, is taken again.
local function crier_resume(keys, args)
  local epoch, holder = redis.call('GET', keys[1]), holder_of(keys[3])
  if not epoch then return emptied() end
  if tonumber(epoch) > tonumber(args[1]) or (holder and holder ~= args[2]) then return fenced() end
  redis.call('SET', keys[1], args[1])
  hold(keys[3], args[1], args[2], args[3])
  local marked, number = (redis.call('GET', keys[2]) or ''):match('^(%d+) (%d+)$')
  return marked == args[1] and tonumber(number) or 0
end

-- KEYS epoch, active; ARGV epoch. The lease is given back.
local function crier_release(keys, args)
  if not epoch_is(keys[1], args[1]) then return fenced() end
  return redis.call('DEL', keys[2])
end

local REPLIES_KEPT = 100000

local function set_bits(key, ordinals, bit)
  for at = 1, #ordinals, 4 do redis.call('SETBIT', key, struct.unpack('<I4', ordinals, at), bit) end
end

-- One batch of replies. KEYS fence, replies, newest batch of each worker, opt-outs, their reasons, bad addresses; ARGV epoch,
-- worker, batch, then lists (integers of four bytes, texts behind their length): ordinal and reason of each opt-out, ordinals of
-- bad addresses, of good ones, sealed replies. A worker has one batch under way, so one that comes again is its newest; numbers
-- are only compared for being the same, since a clock may step.
local function crier_replies(keys, args)
  if not last_operation(keys[1], tonumber(args[1])) then return fenced() end
  if redis.call('HGET', keys[3], args[2]) == args[3] then return 0 end
  local at = 1
  while at <= #args[4] do
    local ordinal, reason, after = struct.unpack('<I4I4c0', args[4], at)
    redis.call('SETBIT', keys[4], ordinal, 1)
    redis.call('HSET', keys[5], ordinal, reason)
    at = after
  end
  set_bits(keys[6], args[5], 1)
  set_bits(keys[6], args[6], 0)
  at = 1
  while at <= #args[7] do
    local record, after = struct.unpack('<I4c0', args[7], at)
    redis.call('XADD', keys[2], 'MAXLEN', '~', REPLIES_KEPT, '*', 'sealed', record)
    at = after
  end
  redis.call('HSET', keys[3], args[2], args[3])
  return 1
end

redis.register_function('crier_take', crier_take)
redis.register_function('crier_write', crier_write)
redis.register_function('crier_put', crier_put)
redis.register_function('crier_number', crier_number)
redis.register_function('crier_document', crier_document)
redis.register_function('crier_audit', crier_audit)
redis.register_function('crier_claim', crier_claim)
redis.register_function('crier_replies', crier_replies)
redis.register_function('crier_release', crier_release)
-- These take no memory to speak of, and must work while it is short.
redis.register_function{function_name = 'crier_mark', callback = crier_mark, flags = {'allow-oom'}}
redis.register_function{function_name = 'crier_resume', callback = crier_resume, flags = {'allow-oom'}}
