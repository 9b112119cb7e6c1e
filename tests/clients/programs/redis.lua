-- Lua's redis client (Debian's lua-redis) against a device.

local redis = require 'redis'

local function words(name)
    local found = {}
    for word in os.getenv(name):gmatch('%S+') do found[#found + 1] = word end
    return found
end

local readings, meta, outputs = words('DEVICE_READINGS'), words('DEVICE_META'), words('DEVICE_OUTPUTS')
local sampled = os.getenv('DEVICE_SAMPLED')
local history = 'history:' .. sampled

local function step(name)
    print('step ' .. name)
    io.stdout:flush()
end

local function expect(truth, what)
    if not truth then error(tostring(what), 2) end
end

-- Commands that are younger than the library.
redis.commands.xrange = redis.command('XRANGE')
redis.commands.scan_page = redis.command('SCAN')

local function connect()
    local client = redis.connect(os.getenv('DEVICE_HOST'), tonumber(os.getenv('DEVICE_PORT')), 5)
    client.network.socket:settimeout(30)
    return client
end

local function main()
    step('connect')
    local client = connect()
    step('PING')
    expect(client:ping() == true, 'no PONG')
    step('INFO')
    -- It is split into lines, and each line into a name and a value; newer servers have sections.
    local info = client:info()
    local server = info.server or info
    expect(server.redis_version, 'no redis_version')
    expect(tonumber(server.uptime_in_seconds), 'no uptime_in_seconds')
    step('GET')
    expect(tonumber(client:get(sampled)), 'no number')
    expect(client:get('no.such.reading') == nil, 'a reading that is not there')
    step('MGET')
    local values = client:mget(readings)
    for at in ipairs(readings) do expect(tonumber(values[at]), readings[at]) end
    step('SCAN')
    local cursor, found = '0', {}
    for _ = 1, 1000 do
        local page = client:scan_page(cursor, 'COUNT', 2)
        cursor = page[1]
        for _, name in ipairs(page[2]) do found[name] = true end
        if cursor == '0' then break end
    end
    for _, name in ipairs(readings) do expect(found[name], name .. ' is not scanned') end
    step('HGETALL')
    local fields = client:hgetall('meta:' .. sampled)
    for _, name in ipairs(meta) do expect(fields[name], 'no ' .. name) end
    for _, output in ipairs(outputs) do
        step('SET ' .. output)
        for _, state in ipairs({ '1', '0' }) do
            expect(client:set(output, state) == true, 'not set')
            expect(client:get(output) == state, 'not ' .. state)
        end
    end
    step('pipeline')
    local replies = client:pipeline(function(pipe)
        for number = 1, 50 do
            pipe:echo(tostring(number))
            pipe:get(sampled)
        end
    end)
    expect(#replies == 100, #replies)
    expect(replies[99] == '50' and tonumber(replies[100]), 'replies out of order')
    step('XRANGE')
    local entries = client:xrange(history, '-', '+', 'COUNT', 3)
    expect(#entries >= 1 and #entries <= 3, #entries)
    expect(entries[1][1]:match('^%d+%-%d+$') and tonumber(entries[1][2][2]), 'no entry')
    step('SUBSCRIBE')
    local samples = 0
    for message, abort in connect():pubsub({ subscribe = { sampled } }) do
        if message.kind == 'message' then
            expect(message.channel == sampled and tonumber(message.payload), 'a wrong message')
            samples = samples + 1
            if samples == 2 then abort() end
        end
    end
    expect(samples == 2, samples)
    step('error')
    local is_answered, problem = pcall(client.get, client)
    expect(not is_answered and tostring(problem):find("wrong number of arguments for 'get' command"), problem)
    expect(client:ping() == true, 'no PONG after an error')
    step('QUIT')
    client:quit()
    print('done')
end

local is_done, problem = pcall(main)
if not is_done then
    io.stderr:write(tostring(problem), '\n')
    os.exit(1)
end
