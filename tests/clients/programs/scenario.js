'use strict';

// What the Node.js clients do. Each brings its own way to do it:
//
// - connect(), quit(), version
// - command(name, ...arguments): any command, with the reply as the client has it
// - get(name), mget(names), scan(options), hgetall(name), set(name, value)
// - pipeline(count, commandOf): the replies to commands that are sent in one go
// - xrange(name, count), xrevrange(name, count), xread(name, id, blockMs): arrays of {id, fields}
// - ts: what the library has of its own for TS, if it has
// - subscribe(name, listener), resolving to a function that ends it

const assert = require('node:assert/strict');

const READINGS = words('DEVICE_READINGS');
const META = words('DEVICE_META');
const OUTPUTS = words('DEVICE_OUTPUTS');
const SAMPLED = process.env.DEVICE_SAMPLED;
const HISTORY = `history:${SAMPLED}`;
const SAMPLES_TIMEOUT_MS = 30_000;

const PROTOCOL = Number(process.env.CLIENT_PROTOCOL);

/** What the client's library is told. The protocol is undefined where the library's own choice is the one to test. */
const target = {
  host: process.env.DEVICE_HOST,
  port: Number(process.env.DEVICE_PORT),
  protocol: PROTOCOL === Number(process.env.CLIENT_OWN_PROTOCOL) ? undefined : PROTOCOL,
};

function words(name) {
  return process.env[name].split(' ').filter((word) => word !== '');
}

function step(name) {
  console.log(`step ${name}`);
}

function assertNumber(text) {
  assert.match(String(text), /^-?\d+(\.\d+)?$/);
}

async function read(client) {
  step('GET');
  assertNumber(await client.get(SAMPLED));
  assert.equal(await client.get('no.such.reading'), null);
  step('MGET');
  const values = await client.mget([...READINGS, 'no.such.reading']);
  assert.equal(values.pop(), null);
  assert.equal(values.length, READINGS.length);
  values.forEach(assertNumber);
  step('SCAN');
  const found = await client.scan({ count: 2 });
  for (const name of [...READINGS, ...OUTPUTS]) assert(found.includes(name), `${name} is not in ${found}`);
  const start = SAMPLED.slice(0, 2);
  const matched = await client.scan({ match: `${start}*` });
  assert(matched.includes(SAMPLED) && matched.every((name) => name.startsWith(start)), `${matched}`);
  step('HGETALL');
  const meta = await client.hgetall(`meta:${SAMPLED}`);
  for (const field of META) assert(field in meta, `${field} is not in ${Object.keys(meta)}`);
}

async function switchOutputs(client) {
  for (const output of OUTPUTS) {
    step(`SET ${output}`);
    for (const state of ['1', '0']) {
      assert.equal(await client.set(output, state), 'OK');
      assert.equal(await client.get(output), state);
    }
  }
}

async function pipeline(client) {
  step('pipeline');
  const isEcho = (number) => number % 2 === 1;
  const replies = await client.pipeline(100, (number) =>
    isEcho(number) ? ['ECHO', String(number)] : ['GET', SAMPLED],
  );
  assert.equal(replies.length, 100);
  replies.forEach((reply, number) => (isEcho(number) ? assert.equal(reply, String(number)) : assertNumber(reply)));
}

/** The two numbers of an entry's ID as one that can be compared. */
function order(id) {
  const [, milliseconds, sequence] = /^(\d+)-(\d+)$/.exec(id) ?? assert.fail(`${id} is no entry's ID`);
  return (BigInt(milliseconds) << 64n) | BigInt(sequence);
}

async function history(client) {
  step('XRANGE');
  const entries = await client.xrange(HISTORY, 3);
  assert(entries.length >= 1 && entries.length <= 3, `${entries.length} entries`);
  for (const { id, fields } of entries) {
    order(id);
    assert.deepEqual(Object.keys(fields), ['value']);
    assertNumber(fields.value);
  }
  step('XREAD BLOCK');
  const [newest] = await client.xrevrange(HISTORY, 1);
  const [next] = await client.xread(HISTORY, newest.id, 3000);
  assert(order(next.id) > order(newest.id), `${next.id} comes after ${newest.id}`);
  assertNumber(next.fields.value);
}

/** What node-redis has of its own for TS. Its replies of a range are objects, and of several readings maps or objects. */
async function timeSeries({ ts }) {
  if (!ts) return;
  const entries = (reply) => (reply instanceof Map ? [...reply] : Object.entries(reply));
  const isPoint = ({ timestamp, value }) => Number.isInteger(timestamp) && Number.isFinite(value);
  step('TS.GET');
  assert(isPoint(await ts.get(SAMPLED)));
  step('TS.RANGE');
  const points = await ts.range(SAMPLED, '-', '+');
  assert(points.length > 0 && points.every(isPoint), JSON.stringify(points));
  assert(points.every(({ timestamp }, at) => at === 0 || timestamp > points[at - 1].timestamp));
  const [newest] = await ts.revRange(SAMPLED, '-', '+', { COUNT: 1 });
  assert(newest.timestamp >= points.at(-1).timestamp);
  const spans = await ts.range(SAMPLED, '-', '+', { AGGREGATION: { type: 'MAX', timeBucket: 60_000 } });
  assert(spans.length > 0 && spans.every(({ timestamp }) => timestamp % 60_000 === 0), JSON.stringify(spans));
  step('TS.MRANGE');
  const readings = await ts.mRange('-', '+', 'kind=gauge');
  const samples = Array.isArray(readings)
    ? readings.find(({ key }) => key === SAMPLED).samples
    : entries(readings).find(([key]) => key === SAMPLED)[1];
  assert(samples.length > 0 && samples.every(isPoint), JSON.stringify(samples));
  step('TS.MGET');
  const last = await ts.mGet(`name=${SAMPLED}`);
  assert(Array.isArray(last) ? isPoint(last[0].sample) : isPoint(entries(last)[0][1].sample), JSON.stringify(last));
  step('TS.QUERYINDEX');
  assert([...(await ts.queryIndex('kind=gauge'))].includes(SAMPLED));
  step('TS.INFO');
  const { totalSamples, labels } = await ts.info(SAMPLED);
  assert(totalSamples > 0 && labels, JSON.stringify(labels));
}

async function subscribe(client) {
  step('SUBSCRIBE');
  const messages = [];
  let unsubscribe;
  await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${messages.length} of 2 samples`)), SAMPLES_TIMEOUT_MS);
    const listener = (channel, message) => {
      messages.push([channel, message]);
      if (messages.length === 2) {
        clearTimeout(late);
        resolve();
      }
    };
    client.subscribe(SAMPLED, listener).then((end) => (unsubscribe = end), reject);
  });
  for (const [channel, message] of messages) {
    assert.equal(channel, SAMPLED);
    assertNumber(message);
  }
  step('UNSUBSCRIBE');
  await unsubscribe();
}

async function scenario(client) {
  step('connect');
  assert.equal(client.version, process.env.CLIENT_VERSION);
  await client.connect();
  step('PING');
  assert.equal(await client.command('PING'), 'PONG');
  step('HELLO');
  const hello = await client.command('HELLO');
  const fields = Array.isArray(hello) ? hello : Object.entries(hello).flat();
  assert.equal(fields[fields.indexOf('proto') + 1], PROTOCOL);
  step('INFO');
  const info = await client.command('INFO');
  assert.match(info, /^redis_version:\d+\.\d+\.\d+\r$/m);
  assert.match(info, /^uptime_in_seconds:\d+\r$/m);
  await read(client);
  await switchOutputs(client);
  await pipeline(client);
  await history(client);
  await timeSeries(client);
  await subscribe(client);
  step('error');
  await assert.rejects(client.command('NOSUCH', 'a'), /^\S*Error: ERR unknown command 'NOSUCH'/i);
  await assert.rejects(client.command('GET'), /^\S*Error: ERR wrong number of arguments for 'get' command/);
  assert.equal(await client.command('PING'), 'PONG');
  step('QUIT');
  assert.equal(await client.quit(), 'OK');
  console.log('done');
}

/** Takes every step, and ends the process with status 1 where one fails. */
function run(client) {
  scenario(client).catch((error) => {
    console.error(`${error.name}: ${error.message}`);
    process.exit(1);
  });
}

module.exports = { run, target };
