'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const net = require('node:net');
const path = require('node:path');
const { test } = require('node:test');

const { UsageError, ask, explain, explanations, parseArguments, printable } = require('../hello.js');

const SCRIPT = path.join(__dirname, '..', 'hello.js');
/** No exchange in these tests takes longer. */
const EXCHANGE_MAX_MS = 60_000;

/** Runs `use(port)` beside a server that treats each connection with `serve`, and takes the server down. */
async function withServer(serve, use) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    // A client that goes away is no error of the test.
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A client that waits for ever must fail its test and not hang it.
  let timer;
  const tooLong = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the exchange does not end')), EXCHANGE_MAX_MS);
  });
  try {
    return await Promise.race([use(server.address().port), tooLong]);
  } finally {
    clearTimeout(timer);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Runs the script as a user does. */
function run(...args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT, ...args.map(String)], { timeout: EXCHANGE_MAX_MS }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

/** A port on which nothing listens, and which is nobody's own: tcpmux. */
const CLOSED_PORT = 1;

test('prints the reply', async () => {
  let heard = '';
  const serve = (socket) => {
    socket.once('data', (data) => {
      heard += data;
      socket.end('Hello World\n');
    });
  };
  const result = await withServer(serve, (port) => run('127.0.0.1', port, 'good morning'));
  assert.deepEqual(result, { status: 0, stdout: 'Hello World\n', stderr: '' });
  assert.equal(heard, 'good morning\n');
});

test('ends the last line of a reply that does not', async () => {
  const result = await withServer((socket) => socket.end('Hello World'), (port) => run('127.0.0.1', port));
  assert.deepEqual(result, { status: 0, stdout: 'Hello World\n', stderr: '' });
});

test('puts a split reply together', async () => {
  const parts = ['Hel', 'lo Wor', 'ld', '\n'];
  const serve = (socket) => {
    socket.setNoDelay(true);
    const timer = setInterval(() => {
      socket.write(parts.shift());
      if (parts.length === 0) {
        clearInterval(timer);
        socket.end();
      }
    }, 20);
  };
  const result = await withServer(serve, (port) => run('127.0.0.1', port));
  assert.deepEqual(result, { status: 0, stdout: 'Hello World\n', stderr: '' });
});

test('prints nothing that could steer the terminal', async () => {
  const serve = (socket) => socket.end('\x1b[2J\x07Hello\x9b31m\n');
  const { status, stdout } = await withServer(serve, (port) => run('127.0.0.1', port));
  assert.equal(status, 0);
  assert.match(stdout, /^\\x1b\[2J\\x07Hello/);
  assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

test('says that the port is closed', async () => {
  const { status, stdout, stderr } = await run('127.0.0.1', CLOSED_PORT);
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /nothing listens on this port\. \(ECONNREFUSED\)/);
  assert.match(stderr, /Is the port right\?/);
});

for (const prefix of ['', '-']) {
  test(`says that the device is full: "${prefix}ERR"`, async () => {
    const serve = (socket) => socket.end(`${prefix}ERR max number of clients reached\r\n`);
    const { status, stdout, stderr } = await withServer(serve, (port) => run('127.0.0.1', port));
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /The device is full/);
  });
}

test('says that the connection was reset', async () => {
  const serve = (socket) => socket.once('data', () => socket.resetAndDestroy());
  const { status, stderr } = await withServer(serve, (port) => run('127.0.0.1', port));
  assert.equal(status, 1);
  assert.match(stderr, /cut off by the other side\. \(ECONNRESET\)/);
  assert.match(stderr, /Is the device full\?/);
});

test('prints what came before a reset, and still fails', async () => {
  let result = { status: 0 };
  // A client that has stalled until the reset sees an end in place of it. It has longer each time.
  for (let waitMs = 100; result.status === 0 && waitMs < EXCHANGE_MAX_MS; waitMs *= 4) {
    const serve = (socket) => {
      socket.write('Hello Wo');
      setTimeout(() => socket.resetAndDestroy(), waitMs);
    };
    result = await withServer(serve, (port) => run('127.0.0.1', port));
  }
  const { status, stdout, stderr } = result;
  assert.equal(status, 1);
  assert.equal(stdout, 'Hello Wo\n');
  assert.match(stderr, /cut off/);
});

test('says that there was no reply', async () => {
  const serve = (socket) => socket.once('data', () => socket.end());
  const { status, stderr } = await withServer(serve, (port) => run('127.0.0.1', port));
  assert.equal(status, 1);
  assert.match(stderr, /closed without a reply/);
});

test('says that a name is unknown', async () => {
  // No name has an empty label, so that no name server is asked, which may be slow or lie.
  const { status, stderr } = await run('no-such-device..invalid');
  assert.equal(status, 1);
  assert.match(stderr, /No such name was found/);
});

test('gives up on a reply that does not come', async () => {
  const request = { host: '127.0.0.1', message: 'hello', connectTimeoutMs: EXCHANGE_MAX_MS, replyTimeoutMs: 100 };
  const { outcome } = await withServer(() => {}, (port) => ask({ ...request, port }));
  assert.equal(outcome, 'replyTimeout');
});

test('gives up on a reply that does not end, and keeps what came', async () => {
  const request = { host: '127.0.0.1', message: 'hello', connectTimeoutMs: EXCHANGE_MAX_MS, replyTimeoutMs: 200 };
  const serve = (socket) => setInterval(() => socket.write('x'), 20).unref();
  let came = '';
  // On a machine that stalls the time may be over before the first byte has come.
  for (let tries = 0; tries < 10 && came === ''; tries += 1) {
    const { outcome, reply } = await withServer(serve, (port) => ask({ ...request, port }));
    assert.equal(outcome, 'replyTimeout');
    came = reply.toString();
  }
  assert.match(came, /^x+$/);
});

test('gives up on a reply that is far too long', async () => {
  const request = { host: '127.0.0.1', message: 'hello' };
  const serve = (socket) => socket.write(Buffer.alloc(1024 * 1024));
  const { outcome, reply } = await withServer(serve, (port) => ask({ ...request, port }));
  assert.equal(outcome, 'tooLong');
  assert.ok(reply.length < 1024 * 1024);
});

test('gives up on a connection that does not come about', async () => {
  const sockets = [];
  const connect = () => {
    sockets.push(new net.Socket());
    return sockets[0];
  };
  const { outcome } = await ask({ host: '192.168.1.1', port: 3000, message: 'hello', connectTimeoutMs: 100, connect });
  assert.equal(outcome, 'connectTimeout');
  assert.ok(sockets[0].destroyed);
});

for (const [code, expected] of [
  ['ECONNREFUSED', 'refused'],
  ['ETIMEDOUT', 'connectTimeout'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['ENOTFOUND', 'unknownName'],
  ['EAI_AGAIN', 'unknownName'],
  ['EMFILE', 'other'],
]) {
  test(`names ${code}`, async () => {
    const connect = () => new net.Socket().destroy(Object.assign(new Error('test'), { code }));
    const result = await ask({ host: 'device', port: 3000, message: 'hello', connect });
    assert.equal(result.outcome, expected);
    assert.ok(explain(result, 'device', 3000).includes(`device port 3000: ${explanations[expected][0]} (${code})\n`));
  });
}

test('every outcome says what to check', () => {
  for (const outcome of Object.keys(explanations)) {
    assert.match(explain({ outcome }, 'device', 3000), /^device port 3000: .+\n( {2}- .+\n)+$/);
  }
});

test('has defaults', () => {
  assert.deepEqual(parseArguments([]), { host: '192.168.1.1', port: 3000, message: 'Hello from Node.js' });
  assert.deepEqual(parseArguments(['device', '1', '-']), { host: 'device', port: 1, message: '-' });
});

for (const args of [
  ['device', '0'],
  ['device', '65536'],
  ['device', '-1'],
  ['device', '3000x'],
  ['device', ''],
  ['device', '1e3'],
  [''],
  ['device', '3000', ''],
  ['device', '3000', 'two', 'words'],
  ['--nonsense'],
]) {
  test(`refuses ${JSON.stringify(args)}`, async () => {
    assert.throws(() => parseArguments(args), UsageError);
    const { status, stdout, stderr } = await run(...args);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^hello\.js: .+; see --help\n$/);
  });
}

test('--help', async () => {
  const { status, stdout, stderr } = await run('--help');
  assert.equal(status, 0);
  assert.match(stdout, /^Usage: hello\.js \[HOST\] \[PORT\] \[MESSAGE\]\n/);
  assert.equal(stderr, '');
});

test('printable keeps text and escapes the rest', () => {
  for (const [text, expected] of [
    ['grün 23.5 °C\tok\r\nnext\n', 'grün 23.5 °C\tok\nnext\n'],
    ['a\rb', 'a\\x0db'],
    ['\0\x1b]0;title\x07', '\\x00\\x1b]0;title\\x07'],
    ['\u202eabc\u2066', '\\u202eabc\\u2066'],
    [Buffer.from([0x41, 0xff, 0x42]), 'A\ufffdB'],
    [Buffer.from([0xc2, 0x9b]), '\\x9b'],
  ]) {
    assert.equal(printable(text), expected);
  }
});
