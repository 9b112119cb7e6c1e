'use strict';

// ioredis against a device.

const Redis = require('ioredis');
const { version } = require('ioredis/package.json');
const { run, target } = require('./scenario.js');

const client = new Redis({
  host: target.host,
  port: target.port,
  lazyConnect: true,
  connectTimeout: 30_000,
  maxRetriesPerRequest: 0,
  retryStrategy: null,
  ...(target.protocol && { protocol: target.protocol }),
});
// Every failure also rejects the call that it belongs to.
client.on('error', () => {});

function entry([id, fields]) {
  const pairs = {};
  for (let index = 0; index < fields.length; index += 2) pairs[fields[index]] = fields[index + 1];
  return { id, fields: pairs };
}

run({
  version,
  connect: () => client.connect(),
  command: (...words) => client.call(...words),
  get: (name) => client.get(name),
  mget: (names) => client.mget(names),
  set: (name, value) => client.set(name, value),
  hgetall: (name) => client.hgetall(name),
  async scan({ match, count }) {
    const names = [];
    for await (const page of client.scanStream({ match, count })) names.push(...page);
    return names;
  },
  async pipeline(count, commandOf) {
    const commands = Array.from({ length: count }, (_, number) => commandOf(number));
    const replies = await client.pipeline(commands.map(([name, ...words]) => [name.toLowerCase(), ...words])).exec();
    return replies.map(([error, reply]) => error ?? reply);
  },
  xrange: async (name, count) => (await client.xrange(name, '-', '+', 'COUNT', count)).map(entry),
  xrevrange: async (name, count) => (await client.xrevrange(name, '+', '-', 'COUNT', count)).map(entry),
  async xread(name, id, blockMs) {
    const [[, entries]] = await client.xread('BLOCK', blockMs, 'STREAMS', name, id);
    return entries.map(entry);
  },
  async subscribe(name, listener) {
    const subscriber = client.duplicate();
    subscriber.on('error', () => {});
    subscriber.on('message', listener);
    await subscriber.connect();
    await subscriber.subscribe(name);
    return async () => {
      await subscriber.unsubscribe(name);
      await subscriber.quit();
    };
  },
  quit: () => client.quit(),
});
