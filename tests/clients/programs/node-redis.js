'use strict';

// node-redis against a device.

const redis = require('redis');
const { version } = require('redis/package.json');
const { run, target } = require('./scenario.js');

const client = redis.createClient({
  socket: { host: target.host, port: target.port, connectTimeout: 30_000, reconnectStrategy: false },
  ...(target.protocol && { RESP: target.protocol }),
});
// Every failure also rejects the call that it belongs to.
client.on('error', () => {});

const entry = ({ id, message }) => ({ id, fields: message });

run({
  version,
  connect: () => client.connect(),
  command: (...words) => client.sendCommand(words),
  get: (name) => client.get(name),
  mget: (names) => client.mGet(names),
  set: (name, value) => client.set(name, value),
  hgetall: (name) => client.hGetAll(name),
  async scan({ match, count }) {
    const names = [];
    // Version 4 gives a name at a time, later ones a page.
    for await (const page of client.scanIterator({ MATCH: match, COUNT: count })) names.push(...[page].flat());
    return names;
  },
  // What is sent in one turn of the event loop goes out together.
  pipeline: (count, commandOf) =>
    Promise.all(Array.from({ length: count }, (_, number) => client.sendCommand(commandOf(number)))),
  xrange: async (name, count) => (await client.xRange(name, '-', '+', { COUNT: count })).map(entry),
  xrevrange: async (name, count) => (await client.xRevRange(name, '+', '-', { COUNT: count })).map(entry),
  async xread(name, id, blockMs) {
    const [stream] = await client.xRead({ key: name, id }, { BLOCK: blockMs });
    return stream.messages.map(entry);
  },
  ts: client.ts,
  async subscribe(name, listener) {
    const subscriber = client.duplicate();
    subscriber.on('error', () => {});
    await subscriber.connect();
    await subscriber.subscribe(name, (message, channel) => listener(channel, message));
    return async () => {
      await subscriber.unsubscribe(name);
      await subscriber.quit();
    };
  },
  quit: () => client.quit(),
});
